import type { Code, ErrorDetail } from '../../errors.ts';

/** A JSON text in parts: what is long and known to be ASCII (base64) needs no look at every character. */
export interface JsonText {
  readonly head: string;
  /** ASCII characters only; may be empty. */
  readonly ascii: string;
  readonly tail: string;
}

/** One message on its way out. Its JSON and id are made when they are asked for, so that a dropped message costs none. */
export interface OutgoingMessage {
  /** The message on the gRPC wire. */
  readonly bytes: Uint8Array;
  /** Its JSON form, one line. */
  json(): JsonText;
  /** Its position, where the method declares one. */
  id(): string | undefined;
}

/** Messages that a reader did not get. */
export type Gap = CountedGap | EpochChange;

/** So many messages are missing. */
export interface CountedGap {
  /** How many. */
  readonly lost: number | bigint;
  /** Ids of the first and last of them, where the ids count by one. */
  readonly from?: string;
  readonly to?: string;
}

/** The ids began anew; nobody knows what is missing. */
export interface EpochChange {
  readonly lost: null;
  readonly reason: 'epoch';
  /** Ids of the last message before and of the first behind. */
  readonly from: string;
  readonly to: string;
}

/** How a stream ended: google.rpc.Status with the code's name. */
export interface EndStatus {
  readonly code: Code;
  readonly message: string;
  readonly details: readonly ErrorDetail[];
}

/** What is written: text is UTF-8. */
export type Chunk = string | Uint8Array;

/**
 * The encoder of one stream format: values in, what to write out. It keeps at most its own position in the format and
 * does no I/O. `undefined` means that the format says nothing there.
 */
export interface StreamWriter {
  /** Response headers besides the content type. */
  readonly headers: Readonly<Record<string, string>>;
  /** Written together with the headers. */
  head(): Chunk | undefined;
  message(message: OutgoingMessage): Chunk;
  gap(gap: Gap): Chunk | undefined;
  /** Written after a long silence, so that what lies between does not take the connection for dead. */
  silence(): Chunk | undefined;
  /**
   * The last words. `undefined` for a failure means that the format cannot tell one: the connection is then broken off,
   * so that a cut stream is never taken for a whole one.
   */
  end(status: EndStatus): Chunk | undefined;
}

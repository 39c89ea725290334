import { PassbandError } from '../../errors.ts';
import type { StreamCall } from './call.ts';
import type { ResponseHeaders } from './response-headers.ts';
import type { CallStatus } from './status.ts';

/** One reader's part in a shared call. It sees messages from the moment that it listens. */
export interface SharedStream extends StreamCall {
  /**
   * What was made of a message for one reader, for all others that want the same: made once while the message is on its
   * way, forgotten with it.
   */
  once<T extends object>(form: string, bytes: Uint8Array, make: () => T): T;
}

/**
 * Upstream calls that several readers share: those with the same key, which must hold everything that the answer may
 * depend on, the caller's identity included. A reader that falls behind must drop messages by itself; it cannot hold a
 * shared call back.
 */
export class SharedStreams {
  private readonly calls = new Map<string, SharedCall>();

  /** Calls that are open now. */
  get size(): number {
    return this.calls.size;
  }

  /**
   * Joins the call of this key, or opens it.
   *
   * @param signal aborted when this reader goes away, also while it still waits for the call to be accepted.
   * @param open makes the call; its signal is aborted when the last reader has left.
   */
  join(key: string, signal: AbortSignal, open: (signal: AbortSignal) => Promise<StreamCall>): SharedStream {
    const known = this.calls.get(key);
    if (known !== undefined) return known.join(signal);
    const call = new SharedCall(open, () => {
      // By then another call may stand under the key.
      if (this.calls.get(key) === call) this.calls.delete(key);
    });
    this.calls.set(key, call);
    return call.join(signal);
  }
}

interface Reader {
  message: (bytes: Uint8Array) => void;
  end: (status: CallStatus) => void;
}

class SharedCall {
  private readonly readers = new Set<Reader>();
  private readonly nobodyLeft = new AbortController();
  private readonly accepted: Promise<ResponseHeaders>;
  private readonly forms = new Map<string, WeakMap<Uint8Array, object>>();
  private readonly over: () => void;
  private ended: CallStatus | undefined;

  constructor(open: (signal: AbortSignal) => Promise<StreamCall>, over: () => void) {
    this.over = over;
    this.accepted = open(this.nobodyLeft.signal).then((call) => {
      call.onMessage((bytes) => {
        for (const reader of this.readers) reader.message(bytes);
      });
      call.onEnd((status) => {
        this.ended = status;
        this.over();
        for (const reader of this.readers) reader.end(status);
      });
      return call.accepted;
    });
    // A refused call is nobody's to join; each reader hears of it by its own promise.
    this.accepted.catch(this.over);
  }

  join(signal: AbortSignal): SharedStream {
    const reader: Reader = { message: () => {}, end: () => {} };
    this.readers.add(reader);
    const gone = new Promise<never>((_, reject) => {
      const leave = (): void => {
        this.leave(reader);
        reject(new PassbandError('CANCELLED', 'the call was cancelled'));
      };
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
    const accepted = Promise.race([this.accepted, gone]);
    accepted.catch(() => {});
    return {
      accepted,
      onMessage: (listener) => {
        reader.message = listener;
      },
      onEnd: (listener) => {
        reader.end = listener;
        if (this.ended !== undefined) listener(this.ended);
      },
      pause: () => {},
      resume: () => {},
      cancel: () => this.leave(reader),
      once: (form, bytes, make) => this.once(form, bytes, make),
    };
  }

  private leave(reader: Reader): void {
    if (!this.readers.delete(reader) || this.readers.size > 0) return;
    this.over();
    this.nobodyLeft.abort();
  }

  private once<T extends object>(form: string, bytes: Uint8Array, make: () => T): T {
    const made = this.forms.get(form) ?? new WeakMap<Uint8Array, object>();
    this.forms.set(form, made);
    // The form names the maker, so what is kept under it is of the maker's type.
    const known = made.get(bytes) as T | undefined;
    if (known !== undefined) return known;
    const value = make();
    made.set(bytes, value);
    return value;
  }
}

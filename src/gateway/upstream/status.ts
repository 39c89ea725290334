import type * as grpc from '@grpc/grpc-js';
import { type Code, codeName, type ErrorDetail } from '../../errors.ts';
import { isPeerRefused } from '../../peer-refused.ts';

/** How a call ended. */
export interface CallStatus {
  readonly code: Code;
  /** Safe to show to the caller. */
  readonly message: string;
  readonly details: readonly ErrorDetail[];
  /** What the transport said; for the log. */
  readonly internal: string;
  /** True when it was this gateway that was refused, and not the caller. */
  readonly isOfGateway?: boolean;
}

/** Reads the google.rpc.Status bytes of `grpc-status-details-bin` into details. */
export type ReadDetails = (bytes: Buffer) => readonly ErrorDetail[];

/**
 * What is said instead of the text that came with these codes, where the service does not say what is meant for callers:
 * they are also what the transport itself reports, with addresses in the text, or what a crash leaves, with a stack in it.
 */
const GENERIC: Readonly<Partial<Record<Code, string>>> = {
  CANCELLED: 'the call was cancelled',
  UNKNOWN: 'the backend failed',
  DEADLINE_EXCEEDED: 'the backend did not answer in time',
  INTERNAL: 'the backend failed',
  UNAVAILABLE: 'the backend is unavailable',
  DATA_LOSS: 'the backend lost data',
};

/** What a caller is told of a backend that takes calls from this gateway for nobody. */
const GATEWAY_REFUSED = 'the backend does not accept this gateway';

/** Characters of a message for the caller at most; more is no message. */
const MAX_MESSAGE = 1000;

/** What a service means to be read by the caller, whatever the code: google.rpc.LocalizedMessage is defined as that. */
function messageForCaller(details: readonly ErrorDetail[]): string | undefined {
  const found = details.find((detail) => detail['@type'] === 'type.googleapis.com/google.rpc.LocalizedMessage');
  const message = found?.message;
  return typeof message === 'string' && message !== '' ? message.slice(0, MAX_MESSAGE) : undefined;
}

/** A gRPC status as the gateway goes on with it. */
export function callStatus(status: grpc.StatusObject, readDetails: ReadDetails): CallStatus {
  const code = codeName(status.code);
  const [packed] = status.metadata.get('grpc-status-details-bin');
  const details = Buffer.isBuffer(packed) ? readDetails(packed) : [];
  const internal = status.details;
  // What is wrong with our own certificate or rights would be read as a word about the caller's.
  if (details.some(isPeerRefused)) {
    return { code: 'UNAVAILABLE', message: GATEWAY_REFUSED, details: [], internal, isOfGateway: true };
  }
  const generic = GENERIC[code];
  if (generic === undefined) return { code, message: internal, details, internal };
  const meant = messageForCaller(details);
  return meant === undefined
    ? { code, message: generic, details: [], internal }
    : { code, message: meant, details, internal };
}

import type * as grpc from '@grpc/grpc-js';
import { type Code, codeName, type ErrorDetail } from '../../errors.ts';

/** How a call ended. */
export interface CallStatus {
  readonly code: Code;
  /** Safe to show to the caller. */
  readonly message: string;
  readonly details: readonly ErrorDetail[];
  /** What the transport said; for the log. */
  readonly internal: string;
}

/** Reads the google.rpc.Status bytes of `grpc-status-details-bin` into details. */
export type ReadDetails = (bytes: Buffer) => readonly ErrorDetail[];

/**
 * What is said instead of the text that came with these codes: they are also what the transport itself reports, with
 * addresses in the text, or what a crash leaves, with a stack in it.
 */
const GENERIC: Readonly<Partial<Record<Code, string>>> = {
  CANCELLED: 'the call was cancelled',
  UNKNOWN: 'the backend failed',
  DEADLINE_EXCEEDED: 'the backend did not answer in time',
  INTERNAL: 'the backend failed',
  UNAVAILABLE: 'the backend is unavailable',
  DATA_LOSS: 'the backend lost data',
};

/** A gRPC status as the gateway goes on with it. */
export function callStatus(status: grpc.StatusObject, readDetails: ReadDetails): CallStatus {
  const code = codeName(status.code);
  const generic = GENERIC[code];
  if (generic !== undefined) return { code, message: generic, details: [], internal: status.details };
  const [packed] = status.metadata.get('grpc-status-details-bin');
  return {
    code,
    message: status.details,
    details: Buffer.isBuffer(packed) ? readDetails(packed) : [],
    internal: status.details,
  };
}

import type { Audit } from '../../audit/audit.ts';
import type { PassbandError } from '../../errors.ts';
import type { CallerLimits, LimitedCall } from './caller-limits.ts';
import type { Connection } from './connections.ts';
import type { Door } from './door.ts';

/** A call that is going on. */
export interface LiveCall extends LimitedCall {
  readonly connection: Connection | undefined;
  /** Decides anew whether it may go on, and ends it when it may not. */
  judgeAgain(nowMs: number): void;
  /** Ends it with a status of the server's own; nothing its handler still sends gets out. */
  end(error: PassbandError): void;
}

/** The call as gRPC carries it. */
export interface Transport {
  readonly path: string;
  readonly streaming: boolean;
  /** What it came over. */
  readonly connection: Connection | undefined;
  /** Milliseconds from its headers until its first message must have come. */
  readonly firstMessageMs: number;
  /** The highest rate of samples that an answer of this method states; undefined for one without such fields. */
  readonly sampleRateHz: ((answer: Buffer) => number) | undefined;
  end(error: PassbandError): void;
  /** Is told that the call is over, however it ended. */
  over(): void;
}

/** By what a call is let in and held. */
export interface CallRules {
  readonly door: Door;
  readonly audit: Audit;
  readonly limits: CallerLimits;
}

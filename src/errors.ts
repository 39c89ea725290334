/**
 * The one error type of Passband and the only place that names a gRPC status and an HTTP status together.
 *
 * Codes are those of google/rpc/code.proto; the HTTP column follows the comments there.
 */

/** gRPC status codes by number; the index is the code. */
const CODE_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** Name of a gRPC status code, as google/rpc/code.proto spells it. */
export type Code = (typeof CODE_NAMES)[number];

/** Every code name, in the order of their numbers. */
export const CODES: readonly Code[] = CODE_NAMES;

const HTTP_STATUS: Readonly<Record<Code, number>> = {
  OK: 200,
  // 499 is nginx's "client closed request"; nobody is left to read it, but logs and metrics are.
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  // Not 412: that status is about the If-* headers of RFC 9110, not about the state of the system.
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** The name of a numeric gRPC code; a number that no code has is UNKNOWN, as gRPC itself treats it. */
export function codeName(code: number): Code {
  return CODE_NAMES[code] ?? 'UNKNOWN';
}

/** The number of a gRPC code name. */
export function codeNumber(code: Code): number {
  return CODE_NAMES.indexOf(code);
}

/** The HTTP status that stands for a gRPC code. */
export function httpStatus(code: Code): number {
  return HTTP_STATUS[code];
}

/** One element of google.rpc.Status.details in its JSON form. */
export type ErrorDetail = Readonly<{ '@type': string } & Record<string, unknown>>;

/** What a PassbandError may carry besides code and message. */
export interface ErrorOptions {
  /** The underlying fault; it reaches the log and never a client. */
  readonly cause?: unknown;
  /** HTTP status where it is not the code's own (405, 406, 413, …). */
  readonly status?: number;
  /** Response headers that belong to the status, such as Allow. */
  readonly headers?: Readonly<Record<string, string>>;
  /** google.rpc details in JSON form, safe to show. */
  readonly details?: readonly ErrorDetail[];
}

/**
 * An error with a stable code and a message that is safe to show to any caller. What went wrong inside is its `cause`
 * and is only ever logged.
 */
export class PassbandError extends Error {
  readonly code: Code;
  readonly publicMessage: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: readonly ErrorDetail[];

  constructor(code: Code, publicMessage: string, options: ErrorOptions = {}) {
    super(publicMessage, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PassbandError';
    this.code = code;
    this.publicMessage = publicMessage;
    this.status = options.status ?? HTTP_STATUS[code];
    this.headers = options.headers ?? {};
    this.details = options.details ?? [];
  }

  /** Any thrown value as a PassbandError; what is not one becomes INTERNAL with the value as its cause. */
  static from(error: unknown): PassbandError {
    return error instanceof PassbandError ? error : new PassbandError('INTERNAL', 'internal error', { cause: error });
  }
}

/** A mistake in what the operator gave (flag, environment, file): names it and the remedy; the program exits with 2. */
export class UsageError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'UsageError';
  }
}

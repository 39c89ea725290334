import type { IncomingHttpHeaders } from 'node:http';
import { PassbandError } from '../errors.ts';

/** Milliseconds of the units of Grpc-Timeout (gRPC over HTTP/2, "Timeout"). */
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * When a call must be over, milliseconds since 1970: by `Grpc-Timeout` (`10S`) or `X-Request-Timeout` (seconds), never
 * later than the configured longest. A stream for which the caller names none has none.
 */
export function deadlineMs(
  headers: IncomingHttpHeaders,
  isStream: boolean,
  limits: { readonly timeoutMs: number; readonly maxTimeoutMs: number },
  nowMs: number,
): number | undefined {
  const named = grpcTimeoutMs(headers['grpc-timeout']) ?? requestTimeoutMs(headers['x-request-timeout']);
  if (named === undefined) return isStream ? undefined : nowMs + limits.timeoutMs;
  return nowMs + Math.min(named, limits.maxTimeoutMs);
}

function grpcTimeoutMs(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = typeof text === 'string' ? /^([0-9]{1,8})([HMSmun])$/.exec(text) : null;
  if (parts === null)
    throw new PassbandError('INVALID_ARGUMENT', 'Grpc-Timeout must be up to 8 digits and a unit of H, M, S, m, u, n');
  return Number(parts[1]) * (UNIT_MS[parts[2] ?? ''] ?? 1);
}

function requestTimeoutMs(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== 'string' || !/^[0-9]{1,8}(\.[0-9]{1,6})?$/.test(text)) {
    throw new PassbandError('INVALID_ARGUMENT', 'X-Request-Timeout must be seconds');
  }
  return Number(text) * 1000;
}

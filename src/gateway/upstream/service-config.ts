import type { Descriptors } from '../../descriptors.ts';

/** Tries of an idempotent read in all, the first included (gRFC A6 allows at most 5). */
const MAX_ATTEMPTS = 4;
/** Longest pause before the second try, milliseconds; gRPC takes a random part of it. */
const INITIAL_BACKOFF_MS = 100;
/** By how much each pause may be longer than the one before. */
const BACKOFF_MULTIPLIER = 2;
/** Longest pause of all, milliseconds: no try waits longer than the channel takes to connect again. */
const MAX_BACKOFF_MS = 1_000;

/**
 * The gRPC service config (gRFC A6): calls spread over all addresses of the name, and reads that may be repeated are
 * tried again when a backend is UNAVAILABLE. A retry happens only before the first byte of an answer.
 */
export function serviceConfig(descriptors: Descriptors): object {
  const names = [...descriptors.methods.values()]
    .filter((method) => method.idempotent && !method.clientStreaming)
    .map((method) => ({ service: method.service, method: method.shortName }));
  return {
    loadBalancingConfig: [{ round_robin: {} }],
    ...(names.length === 0
      ? {}
      : {
          methodConfig: [
            {
              name: names,
              retryPolicy: {
                maxAttempts: MAX_ATTEMPTS,
                initialBackoff: duration(INITIAL_BACKOFF_MS),
                maxBackoff: duration(MAX_BACKOFF_MS),
                backoffMultiplier: BACKOFF_MULTIPLIER,
                retryableStatusCodes: ['UNAVAILABLE'],
              },
            },
          ],
        }),
  };
}

/** A google.protobuf.Duration in its JSON form. */
function duration(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}

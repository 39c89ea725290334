import type { Descriptors } from '../../descriptors.ts';

/** Tries of an idempotent read in all, the first included (gRFC A6 allows at most 5). */
const MAX_ATTEMPTS = 4;

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
                initialBackoff: '0.1s',
                maxBackoff: '1s',
                backoffMultiplier: 2,
                retryableStatusCodes: ['UNAVAILABLE'],
              },
            },
          ],
        }),
  };
}

import { Metadata } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { IDENTITY_METADATA } from '../../identity-metadata.ts';
import type { Upstream } from './call.ts';

/** Milliseconds that a health check may take; probes commonly give up after one second or two. */
const PROBE_TIMEOUT_MS = 1_000;
/** grpc.health.v1.HealthCheckResponse with status SERVING: field 1, value 1. */
const SERVING = Buffer.from([0x08, 0x01]);

/**
 * Asks the backend for its health (grpc.health.v1), on behalf of the gateway itself: one that may speak for nobody is refused
 * as with every call. A backend that answers but has no health service counts as healthy.
 *
 * @param own the gateway's own identity, as metadata; undefined says nothing of whom it is for.
 */
export async function backendIsReady(upstream: Upstream, own: string | undefined): Promise<boolean> {
  const metadata = new Metadata();
  if (own !== undefined) metadata.set(IDENTITY_METADATA, own);
  try {
    const answer = await upstream.probe('/grpc.health.v1.Health/Check', Buffer.alloc(0), {
      metadata,
      deadlineMs: Date.now() + PROBE_TIMEOUT_MS,
      signal: new AbortController().signal,
    });
    return answer.equals(SERVING);
  } catch (error) {
    return error instanceof PassbandError && error.code === 'UNIMPLEMENTED';
  }
}

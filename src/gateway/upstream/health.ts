import { X509Certificate } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { IDENTITY_METADATA } from '../../identity-metadata.ts';
import type { TlsMaterial } from '../../pki/store.ts';
import { identityFromCertificate, identityToJson } from '../guard/identity.ts';
import type { Upstream } from './call.ts';

/** Milliseconds that a health check may take; probes commonly give up after one second or two. */
const PROBE_TIMEOUT_MS = 1_000;
/** grpc.health.v1.HealthCheckResponse with status SERVING: field 1, value 1. */
const SERVING = Buffer.from([0x08, 0x01]);

/**
 * Asks the backend for its health (grpc.health.v1), on behalf of the gateway itself: one that may speak for nobody is refused
 * as with every call. A backend that answers but has no health service counts as healthy.
 *
 * @param own what the gateway shows to the backend.
 */
export async function backendIsReady(upstream: Upstream, own: TlsMaterial): Promise<boolean> {
  try {
    const answer = await upstream.probe('/grpc.health.v1.Health/Check', Buffer.alloc(0), {
      metadata: onOwnBehalf(own),
      deadlineMs: Date.now() + PROBE_TIMEOUT_MS,
      signal: new AbortController().signal,
    });
    return answer.equals(SERVING);
  } catch (error) {
    return error instanceof PassbandError && error.code === 'UNIMPLEMENTED';
  }
}

function onOwnBehalf({ certPem }: TlsMaterial): Metadata {
  const metadata = new Metadata();
  try {
    metadata.set(IDENTITY_METADATA, identityToJson(identityFromCertificate(new X509Certificate(certPem).raw)));
  } catch (error) {
    // A certificate without one plain name: backends of another make may take it all the same.
    if (!(error instanceof PassbandError)) throw error;
  }
  return metadata;
}

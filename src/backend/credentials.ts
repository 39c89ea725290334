import type { SecureServerOptions } from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsMaterial } from '../pki/store.ts';
import { tlsServerOptions } from '../tls.ts';

/** Milliseconds a peer has for its TLS handshake. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Mutual TLS with the same options as every other listener of Passband. `ServerCredentials.createSsl` takes certificates
 * only, and would leave protocol versions and cipher suites at their defaults.
 */
export class MutualTlsCredentials extends ServerCredentials {
  constructor(material: TlsMaterial, http2: Pick<SecureServerOptions, 'settings'>) {
    const tls = tlsServerOptions(material);
    const context: SecureContextOptions = { ca: tls.ca, cert: tls.cert, key: tls.key };
    super({ ...tls, ...http2, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, context);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

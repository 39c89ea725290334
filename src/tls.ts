import { constants } from 'node:crypto';
import type { ConnectionOptions, SecureContextOptions, TlsOptions } from 'node:tls';
import type { TlsMaterial } from './pki/tls-files.ts';

/**
 * Cipher suites with forward secrecy and authenticated encryption, strongest first (RFC 9325 section 4.2, RFC 8446 B.4).
 * CBC and static RSA suites are absent: padding oracles and recorded traffic are not worth a client from before 2014.
 */
export const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/**
 * OpenSSL's security level 2: no RSA key under 2048 bits, no EC key under 224, no signature over SHA-1, in whatever chain.
 * It is the default of Node 24 and not of Node 22.
 */
const SECURITY_LEVEL = '@SECLEVEL=2';

/** Key agreement groups that every OpenSSL from 1.1.1 on knows. */
const CURVES = 'X25519:prime256v1:secp384r1';

function shared(material: TlsMaterial): SecureContextOptions {
  return {
    cert: material.certPem,
    key: material.keyPem,
    // Replaces Node's bundled public CAs: nobody but our own CA vouches for a peer.
    ca: material.caPem,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: `${CIPHERS}:${SECURITY_LEVEL}`,
    ecdhCurve: CURVES,
    // TLS 1.2 renegotiation could bring a second client certificate after the first one was let in.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
  };
}

/** TLS options of the HTTPS listener and the gRPC server: a peer without a certificate of our CA gets no connection. */
export function tlsServerOptions(material: TlsMaterial): SecureContextOptions & TlsOptions {
  return { ...shared(material), honorCipherOrder: true, requestCert: true, rejectUnauthorized: true };
}

/** TLS options of the gRPC client: shows the own certificate, and believes a server that our CA signed for its name. */
export function tlsClientOptions(material: TlsMaterial): SecureContextOptions & ConnectionOptions {
  return { ...shared(material), rejectUnauthorized: true };
}

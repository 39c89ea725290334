// The backend believes one peer when it says on whose behalf it calls: the gateway, by its certificate. Whoever else
// reaches the backend's port speaks for itself, whatever it claims and however much its name looks like the gateway's.

import { X509Certificate } from 'node:crypto';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { identityFromCertificate } from '../../src/gateway/guard/identity.ts';
import { identityToJson } from '../../src/gateway/guard/identity-json.ts';
import { type ClientPair, pairIn } from '../support/https.ts';
import type { TestCertificate } from '../support/pki.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
/** What the gateway would say of the client, who may do everything. */
let claim: string;
const open: Client[] = [];

beforeAll(async () => {
  stack = await startStack();
  const { certPem } = pairIn(stack.certsDir, 'client');
  claim = identityToJson(identityFromCertificate(new X509Certificate(certPem).raw));
});
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});
afterAll(() => stack?.close());

/** Calls with raw bytes what only the client may call; gives the status. */
async function stopStation(pair: ClientPair, metadata: Metadata): Promise<status> {
  const [ca, key, cert] = [stack.pki.caPem, pair.keyPem, pair.certPem].map((pem) => Buffer.from(pem));
  const client = new Client(`localhost:${stack.backendPort}`, credentials.createSsl(ca ?? null, key, cert));
  open.push(client);
  const asIs = (bytes: Buffer): Buffer => bytes;
  // StreamStopRequest { station_id = "sim-1" }
  const request = Buffer.from('\x0a\x05sim-1', 'latin1');
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/sdr.oran.IQStreamService/StopStream',
      asIs,
      asIs,
      request,
      metadata,
      { deadline: Date.now() + 10_000 },
      (error: ServiceError | null) => resolve(error === null ? status.OK : error.code),
    );
  });
}

function claiming(...entries: readonly (readonly [string, string])[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of entries) {
    if (name.endsWith('-bin')) metadata.add(name, Buffer.from(value));
    else metadata.add(name, value);
  }
  return metadata;
}

const identity = (): Metadata => claiming(['x-passband-identity', claim]);

it('from the gateway it is believed: what follows is no test of a call that nobody may make', async () => {
  expect(await stopStation(pairIn(stack.certsDir, 'gateway'), identity())).toBe(status.OK);
});

const GATEWAY = 'passband-gateway';

describe('refused from', () => {
  it.each<readonly [string, TestCertificate]>([
    ['a stranger', { cn: 'stranger' }],
    ['someone who may do less', { cn: 'dash-1' }],
    ['the very one it names', { cn: 'oran-client' }],
    ['the name in another case', { cn: 'Passband-Gateway' }],
    ['the name with a space behind', { cn: `${GATEWAY} ` }],
    ['the name with a space before', { cn: ` ${GATEWAY}` }],
    ['the name with a NUL behind', { cn: `${GATEWAY}\0` }],
    ['the name with a NUL and more behind', { cn: `${GATEWAY}\0.evil.example` }],
    ['the name with a dot behind', { cn: `${GATEWAY}.` }],
    ['the name with a Cyrillic letter', { cn: GATEWAY.replace('a', '\u0430') }],
    ['the name in full-width letters', { cn: '\uff50assband-gateway' }],
    ['the name with a soft hyphen', { cn: 'passband\u00adgateway' }],
    ['the name with a joiner of no width', { cn: `${GATEWAY}\u200d` }],
    ['the name as the first of two', { cn: [GATEWAY, 'evil'] }],
    ['the name as the last of two', { cn: ['evil', GATEWAY] }],
    ['the name twice', { cn: [GATEWAY, GATEWAY] }],
    ['the name as a unit', { cn: 'evil', ou: [GATEWAY] }],
    ['the name as an organisation', { cn: 'evil', o: [GATEWAY] }],
    ['the name as a DNS name', { cn: 'evil', dns: [GATEWAY] }],
    ['the name as a URI', { cn: 'evil', uri: [`spiffe://${GATEWAY}`] }],
    ['the name as a part of another', { cn: `CN=${GATEWAY}` }],
    ['the name behind a line end', { cn: `evil\nCN=${GATEWAY}` }],
    ['the name behind a slash', { cn: `evil/CN=${GATEWAY}` }],
    ['the name and another by commas', { cn: `evil,CN=${GATEWAY}` }],
    ['the name in a certificate of another CA', { cn: GATEWAY, issuer: 'other-ca' }],
    ['the name in a certificate of its own making', { cn: GATEWAY, issuer: 'self' }],
    ['the name in a certificate that has expired', { cn: GATEWAY, notAfter: new Date(Date.now() - 60_000) }],
  ])('%s', async (_name, certificate) => {
    const isOfOurs = certificate.issuer === undefined && certificate.notAfter === undefined;
    // TLS refuses the others: there is no connection.
    const refusal = isOfOurs ? status.PERMISSION_DENIED : status.UNAVAILABLE;
    expect(await stopStation(await stack.pki.issue(certificate), identity())).toBe(refusal);
  });
});

describe('from one who may do less, nothing comes of', () => {
  it.each<readonly [string, () => Metadata]>([
    ['the claim in binary', () => claiming(['x-passband-identity-bin', claim])],
    ['the claim with an underscore', () => claiming(['x_passband_identity', claim])],
    ['the claim twice', () => claiming(['x-passband-identity', claim], ['x-passband-identity', claim])],
    [
      'the claim under the names of proxies',
      () => claiming(['x-forwarded-client-cert', claim], ['client-cert', claim], ['x-ssl-client-cn', 'oran-client']),
    ],
    ['the claim with the prefix of headers', () => claiming(['grpc-metadata-x-passband-identity', claim])],
    ['a claim to be the gateway', () => claiming(['x-passband-identity', claim.replace('oran-client', GATEWAY)])],
    ['an empty claim', () => claiming(['x-passband-identity', ''])],
  ])('%s', async (_name, metadata) => {
    expect(await stopStation(pairIn(stack.certsDir, 'dashboard'), metadata())).toBe(status.PERMISSION_DENIED);
  });
});

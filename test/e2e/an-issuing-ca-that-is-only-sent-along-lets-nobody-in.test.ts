// TLS itself is content with an issuing CA that a client sends along, while ca.crt has the root alone.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import type { IssuedCertificate } from '../../src/pki/authority.ts';
import { BackendUnderTest } from '../backend/backend-under-test.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { rawExchange, requestText } from '../support/raw.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';

const REASON = 'the client certificate leads to no authority that is trusted here';
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

let pki: TestPki;
let stack: Stack;
let issuing: IssuedCertificate;
let client: TestFiles;

beforeAll(async () => {
  pki = await makeTestPki({ pathLength: 1 });
  await writeFile(join(pki.dir, 'policy.yaml'), DEV_POLICY);
  issuing = await pki.intermediate();
  client = await pki.issue({ issuer: issuing });
  stack = await startStack({ flags: { certs: pki.dir } });
});
afterAll(async () => {
  await stack?.close();
  await pki?.remove();
});

it('has both certificates with it', () => {
  expect(client.certPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
});

it.each(VERSIONS)('the gateway answers 401 and says why (%s)', async (version) => {
  const to = { port: stack.port, caPem: pki.caPem, pair: client, version };
  const answer = await rawExchange(to, requestText('GET', '/v1/stations'));
  expect(answer.status).toBe(401);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(JSON.parse(answer.body)).toMatchObject({
    code: 'UNAUTHENTICATED',
    detail: REASON,
  });
});

it('the backend refuses the call and says why, too', async () => {
  const backend = await BackendUnderTest.start({ pki });
  try {
    const stations = await backend.client('sdr.oran.StationService', client);
    await expect(stations.unary('ListStations', {})).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      details: REASON,
    });
  } finally {
    await backend.stop();
  }
});

it.each(VERSIONS)('with it beside the root it is let in (%s)', async (version) => {
  await replaceFile(join(pki.dir, 'ca.crt'), `${pki.caPem}\n${issuing.certPem}`);
  expect(await stack.gateway.reload()).toBe(true);
  const to = { port: stack.port, caPem: pki.caPem, pair: client, version };
  expect((await rawExchange(to, requestText('GET', '/v1/stations'))).status).toBe(200);
});

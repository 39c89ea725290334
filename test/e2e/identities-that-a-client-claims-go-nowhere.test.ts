import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Metadata, Server, ServerCredentials, type status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let backend: Server;
/** Metadata of the calls that reached the backend. */
const reached: Metadata[] = [];

beforeAll(async () => {
  stack = await startStack({ backend: false });
  const read = (name: string): Buffer => readFileSync(join(stack.certsDir, name));
  const asIs = (bytes: Buffer): Buffer => bytes;
  // In the backend's place, one that takes down what it is told and answers with an empty message.
  backend = new Server();
  backend.addService(
    {
      ListStations: {
        path: '/sdr.oran.StationService/ListStations',
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    },
    {
      ListStations: (call: { metadata: Metadata }, done: (error: null | { code: status }, answer: Buffer) => void) => {
        reached.push(call.metadata);
        done(null, Buffer.alloc(0));
      },
    },
  );
  const credentials = ServerCredentials.createSsl(
    read('ca.crt'),
    [{ cert_chain: read('backend.crt'), private_key: read('backend.key') }],
    true,
  );
  await new Promise<void>((resolve, reject) => {
    backend.bindAsync(`127.0.0.1:${stack.backendPort}`, credentials, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
});
afterAll(async () => {
  backend?.forceShutdown();
  await stack?.close();
});

const FORGED: Readonly<Record<string, string>> = {
  'x-passband-identity': '{"cn":"evil"}',
  'grpc-metadata-x-passband-identity': '{"cn":"evil"}',
  'grpc-metadata-X-Passband-Identity': '{"cn":"evil"}',
  'grpc-metadata-x-passband-identity-bin': 'ZXZpbA==',
  'grpc-metadata-grpc-metadata-x-passband-identity': '{"cn":"evil"}',
  'x-forwarded-client-cert': 'Subject="CN=evil"',
  'grpc-metadata-x-forwarded-client-cert': 'Subject="CN=evil"',
  'x-forwarded-for': 'evil',
  forwarded: 'for=evil',
  'grpc-metadata-forwarded': 'for=evil',
  'client-cert': ':evil:',
  'grpc-metadata-client-cert': ':evil:',
  'client-cert-chain': ':evil:',
  'x-client-cert': 'evil',
  'x-ssl-client-s-dn': 'CN=evil',
  'ssl-client-subject-dn': 'CN=evil',
  'grpc-metadata-ssl-client-subject-dn': 'CN=evil',
  authorization: 'Bearer evil',
  'grpc-metadata-authorization': 'Bearer evil',
  'grpc-metadata-x-remote-user': 'evil',
  'grpc-metadata-x_remote_user': 'evil',
  'grpc-metadata-x-auth-request-email': 'evil',
  'grpc-metadata-x-client-dn': 'CN=evil',
  'grpc-metadata-x-subject': 'CN=evil',
  'grpc-metadata-x-real-ip': 'evil',
  'grpc-metadata-true-client-ip': 'evil',
  cookie: 'who=evil',
  'grpc-metadata-grpc-timeout': '1n',
  'grpc-metadata-te': 'evil',
  'x-anything': 'evil',
};

it.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
])('over %s the backend hears of the verified caller and of no other', async (_version, http2) => {
  const client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'), http2);
  const headers = {
    ...FORGED,
    'grpc-metadata-tenant': 'mine',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const answer = await client.call('/v1/stations', { headers });
  expect(answer.status).toBe(200);
  await client.close();
  const metadata = reached.pop();
  expect(reached).toEqual([]);
  const told = metadata?.get('x-passband-identity') ?? [];
  expect(told).toHaveLength(1);
  expect(JSON.parse(String(told[0]))).toMatchObject({ cn: 'oran-client' });
  const names = Object.keys(metadata?.getMap() ?? {}).sort();
  // What is meant to pass does; of the rest nothing, by whatever name.
  expect(names).toEqual(['tenant', 'traceparent', 'user-agent', 'x-passband-identity', 'x-request-id']);
  expect(JSON.stringify(metadata?.toJSON())).not.toContain('evil');
});

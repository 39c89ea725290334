// A backend that reads who calls from a header believes whoever can set it. Names that proxies, meshes and Passband itself
// use for that are dropped in every spelling, from headers and trailers, over both versions of HTTP; what the backend
// hears is the holder of the certificate, once.
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { data, FLAG, get, headerBlock, headers, requestFields } from '../support/http2-frames.ts';
import { Http2Peer } from '../support/http2-peer.ts';
import { pairIn } from '../support/https.ts';
import { type RawOptions, rawConnected, rawExchange, requestText, untilClosed } from '../support/raw.ts';
import { type RecordedCall, type RecordingBackend, startRecordingBackend } from '../support/recording-backend.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const LIST = 'sdr.oran.StationService/ListStations';
const PUSH = 'sdr.oran.IQStreamService/StreamIQ';

let stack: Stack;
let backend: RecordingBackend;
let to: RawOptions;

beforeAll(async () => {
  stack = await startStack({ backend: false });
  backend = await startRecordingBackend(stack.certsDir, stack.backendPort, {
    [LIST]: { stream: false },
    [PUSH]: { stream: true },
  });
  to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
  // The channel may still be waiting to try again.
  await until('the backend is reached', async () => {
    const { status } = await rawExchange(to, requestText('GET', '/v1/stations'));
    return status === 200;
  });
  backend.take();
});
afterEach(() => {
  backend.take();
});
afterAll(async () => {
  backend?.close();
  await stack?.close();
});

/** Names by which something is told who calls; each is tried as it is and as metadata. */
const NAMES = [
  'x-passband-identity',
  'x-passband-identity-bin',
  'x-passband-anything',
  'x_passband_identity',
  'x.passband.identity',
  'x-passband_identity',
  'x-forwarded-client-cert',
  'x_forwarded_client_cert',
  'client-cert',
  'client-cert-chain',
  'ssl-client-cert',
  'ssl-client-verify',
  'ssl-client-subject-dn',
  'ssl-client-issuer-dn',
  'x-ssl-client-cert',
  'x-ssl-client-cn',
  'x-client-cn',
  'x-client-cert',
  'x-client-verify',
  'x-tls-client-cn',
  'x-amzn-mtls-clientcert',
  'x-arr-clientcert',
  'x-goog-iap-jwt-assertion',
  'x-spiffe-id',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-remote-user',
  'remote-user',
  'x-webauth-user',
  'x-auth-request-user',
  'x-user-id',
  'x-roles',
  'impersonate-user',
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
  'x-real-ip',
  'x-forwarded-for',
  'true-client-ip',
  'grpc-timeout-x',
  'grpc-encoding',
  'te',
] as const;
const FORGERIES = NAMES.flatMap((name) => [
  [name, 'evil'] as const,
  [`grpc-metadata-${name}`, 'evil'] as const,
  [`grpc-metadata-grpc-metadata-${name}`, 'evil'] as const,
]);
/** A request may have a hundred headers; these are sent in parts. */
const PART = 30;
const PARTS = Array.from({ length: Math.ceil(FORGERIES.length / PART) }, (_, index) => [
  index,
  FORGERIES.slice(index * PART, (index + 1) * PART),
]) as [number, (readonly [string, string])[]][];

/** What the backend heard is the truth and nothing else. */
function expectTruth(calls: readonly RecordedCall[], ...more: readonly string[]): void {
  expect(calls).toHaveLength(1);
  const metadata = calls[0]?.metadata;
  const identities = metadata?.get('x-passband-identity') ?? [];
  expect(identities).toHaveLength(1);
  expect(JSON.parse(String(identities[0]))).toMatchObject({ cn: 'oran-client' });
  const names = Object.keys(metadata?.getMap() ?? {}).sort();
  expect(names).toEqual([...more, 'user-agent', 'x-passband-identity', 'x-request-id'].sort());
  expect(JSON.stringify(metadata?.toJSON())).not.toContain('evil');
}

/** In the case that HTTP/1.1 allows. */
const capital = (name: string): string => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());

describe.each(PARTS)('headers, part %d', (_index, forgeries) => {
  it.each([
    ['as they are', (name: string) => name],
    ['in other cases', capital],
    ['in upper case', (name: string) => name.toUpperCase()],
  ])('over HTTP/1.1, %s', async (_name, spelled) => {
    const lines = forgeries.map(([name, value]) => `${spelled(name)}: ${value}`);
    const { status } = await rawExchange(to, requestText('GET', '/v1/stations', lines));
    expect(status).toBe(200);
    expectTruth(backend.take());
  });

  it('over HTTP/2', async () => {
    const peer = await Http2Peer.open(to);
    // This one name HTTP/2 refuses by itself.
    peer.send(
      get(
        1,
        '/v1/stations',
        forgeries.filter(([name]) => name !== 'te'),
      ),
    );
    expect((await peer.over(1)).status).toBe(200);
    expectTruth(backend.take());
    peer.destroy();
  });
});

it.each([
  ['twice', ['X-Passband-Identity: {"cn":"evil"}', 'X-Passband-Identity: {"cn":"evil"}']],
  ['as a field that is for this hop only', ['Connection: close, x-passband-identity', 'X-Passband-Identity: evil']],
  ['as metadata for this hop only', ['Connection: close, grpc-metadata-tenant, x-request-id']],
  ['as metadata with the name of a pseudo-header', ['Grpc-Metadata-authority: a']],
])('said %s', async (_name, lines) => {
  const text = requestText('GET', '/v1/stations', lines);
  const { status } = await rawExchange(to, text);
  expect(status).toBe(200);
  expectTruth(backend.take(), ...(text.includes('authority') ? ['authority'] : []));
});

it('headers that nothing is known of go nowhere: what goes on is named, and not what stays', async () => {
  const lines = [
    'X-Tenant: evil',
    'X-Anything: evil',
    'Accept-Language: evil',
    'Grpc-Metadat-A: evil',
    'Metadata-A: evil',
  ];
  const { status } = await rawExchange(to, requestText('GET', '/v1/stations', lines));
  expect(status).toBe(200);
  expectTruth(backend.take());
});

it('said as metadata without a name is refused', async () => {
  expect(await rawExchange(to, requestText('GET', '/v1/stations', ['Grpc-Metadata-: evil']))).toMatchObject({
    status: 400,
  });
  expect(backend.take()).toEqual([]);
});

describe('trailers', () => {
  const trailers = FORGERIES.slice(0, 60);
  const PATH = '/v1/stations/sim-1/iq:push';
  const LINE = '{"band":"C-band"}\n';

  it('over HTTP/1.1', async () => {
    const socket = await rawConnected(to);
    const answer = untilClosed(socket);
    const type = ['Content-Type: application/x-ndjson', 'Transfer-Encoding: chunked', 'Trailer: x-passband-identity'];
    socket.write(requestText('POST', PATH, type));
    socket.write(`${LINE.length.toString(16)}\r\n${LINE}\r\n`);
    await once(socket, 'data');
    socket.write(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    expect(await answer).toMatchObject({ status: 200 });
    expectTruth(backend.take());
  });

  it('over HTTP/2', async () => {
    const peer = await Http2Peer.open(to);
    const fields = requestFields('POST', PATH, [['content-type', 'application/x-ndjson']]);
    peer.send(headers(1, headerBlock(fields), FLAG.endHeaders), data(1, LINE));
    await until('the call is answered', () => peer.stream(1).status === 200);
    peer.send(headers(1, headerBlock(trailers.filter(([name]) => !name.includes('te')))));
    await peer.over(1);
    expectTruth(backend.take());
    peer.destroy();
  });
});

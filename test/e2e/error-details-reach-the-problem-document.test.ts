import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { encode } from '../support/library.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;
let client: Caller;

beforeAll(async () => {
  stack = await startLibraryStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.pki.dir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

/** A gRPC status with these details, as services of any language send them. */
function withDetails(code: status, details: string, packed: readonly { url: string; value: Buffer }[]) {
  const metadata = new Metadata();
  const anys = packed.map(({ url, value }) => ({ type_url: url, value: value.toString('base64') }));
  metadata.set('grpc-status-details-bin', encode('google.rpc.Status', { code, message: details, details: anys }));
  return { code, details, metadata };
}

const any = (type: string, value: object) => ({ url: `type.googleapis.com/${type}`, value: encode(type, value) });

const DETAILS = [
  any('google.rpc.ErrorInfo', { reason: 'LENT_OUT', domain: 'acme.example', metadata: { until: 'tomorrow' } }),
  any('google.rpc.RetryInfo', { retry_delay: { seconds: '3' } }),
  any('acme.library.v1.LendBookRequest', { reader: 'Ada' }),
  { url: 'type.googleapis.com/acme.other.Unknown', value: Buffer.from([8, 1]) },
];

const AS_JSON = [
  {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'LENT_OUT',
    domain: 'acme.example',
    metadata: { until: 'tomorrow' },
  },
  { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '3s' },
  { '@type': 'type.googleapis.com/acme.library.v1.LendBookRequest', reader: 'Ada' },
  { '@type': 'type.googleapis.com/acme.other.Unknown', value: 'CAE=' },
];

it('gives google.rpc details as JSON, whether the service’s protos import them or not', async () => {
  stack.library.fail('LendBook', withDetails(status.FAILED_PRECONDITION, 'the book is lent out', DETAILS));
  const answer = await client.call('/v1/shelves/1/books/7:lend', { method: 'POST', body: '{}' });
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.json()).toEqual({
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: 'the book is lent out',
    instance: `urn:passband:request:${answer.headers['x-request-id']}`,
    code: 'FAILED_PRECONDITION',
    requestId: answer.headers['x-request-id'],
    details: AS_JSON,
  });
});

it('gives them in the status of a stream that was refused, too', async () => {
  stack.library.fail('WatchBooks', withDetails(status.NOT_FOUND, 'no such shelf', DETAILS.slice(0, 1)));
  const answer = await client.call('/v1/shelves/404/books:watch');
  expect(answer.status).toBe(404);
  expect(answer.json()).toMatchObject({ code: 'NOT_FOUND', detail: 'no such shelf', details: AS_JSON.slice(0, 1) });
});

it.each([
  ['UNAVAILABLE', status.UNAVAILABLE, 503, 'the backend is unavailable'],
  ['DATA_LOSS', status.DATA_LOSS, 500, 'the backend lost data'],
])(
  'says of %s, which transports report too, what the service means for the caller and nothing else',
  async (_, code, http, generic) => {
    const meant = any('google.rpc.LocalizedMessage', { locale: 'en', message: 'the radio is off' });
    const lend = async (packed: readonly { url: string; value: Buffer }[]) => {
      stack.library.fail('LendBook', withDetails(code, 'connect ECONNREFUSED 192.0.2.1:7', packed));
      return (await client.call('/v1/shelves/1/books/7:lend', { method: 'POST', body: '{}' })).json();
    };
    expect(await lend([meant])).toMatchObject({ status: http, detail: 'the radio is off' });
    expect(await lend(DETAILS)).toMatchObject({ status: http, detail: generic, details: [] });
  },
);

it('keeps what a service tells its own developers to itself', async () => {
  const debugInfo = { stackEntries: ['at radio.ts:7'], detail: 'connect ECONNREFUSED 192.0.2.1:7' };
  const packed = [any('google.rpc.DebugInfo', debugInfo), ...DETAILS.slice(0, 1)];
  stack.library.fail('LendBook', withDetails(status.NOT_FOUND, 'gone', packed));
  const answer = await client.call('/v1/shelves/1/books/7:lend', { method: 'POST', body: '{}' });
  expect(answer.json()).toMatchObject({ detail: 'gone', details: AS_JSON.slice(0, 1) });
  expect(JSON.stringify(answer.json())).not.toMatch(/radio\.ts|192\.0\.2/);
});

it('leaves out what is no google.rpc.Status', async () => {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from([0xff, 0xff, 0xff]));
  stack.library.fail('LendBook', { code: status.NOT_FOUND, details: 'gone', metadata });
  const answer = await client.call('/v1/shelves/1/books/7:lend', { method: 'POST', body: '{}' });
  expect(answer.json()).toMatchObject({ status: 404, detail: 'gone', details: [] });
});

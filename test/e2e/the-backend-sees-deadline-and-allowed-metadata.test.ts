import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import type { SeenCall } from '../support/library.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;
let client: Caller;

beforeAll(async () => {
  stack = await startLibraryStack({ timeout: '20', 'max-timeout': '60' });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.pki.dir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

const BOOK = '/v1/shelves/1/books/7';

/** What the backend saw of one call with these headers. */
async function seen(headers: Readonly<Record<string, string>>, path = BOOK): Promise<SeenCall> {
  const answer = await client.call(path, { headers });
  expect(answer.status).toBe(200);
  const call = stack.library.calls.at(-1);
  if (call === undefined) throw new Error('the backend saw no call');
  return call;
}

describe('the deadline', () => {
  it.each([
    ['the configured one', {}, 20_000],
    ['Grpc-Timeout', { 'grpc-timeout': '5S' }, 5_000],
    ['X-Request-Timeout', { 'x-request-timeout': '7.5' }, 7_500],
    ['the longest allowed, for one that is longer,', { 'grpc-timeout': '99H' }, 60_000],
  ])('is %s', async (_, headers, expectedMs) => {
    const { leftMs } = await seen(headers);
    // The way here takes a part of it, on a busy machine more.
    expect(leftMs).toBeLessThanOrEqual(expectedMs);
    expect(leftMs).toBeGreaterThan(expectedMs - 4_000);
  });

  it('is none for a stream whose caller names none', async () => {
    expect((await seen({}, '/v1/shelves/1/books:watch?count=1')).leftMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('ends a call that takes longer with 504', async () => {
    stack.library.hold('ReadPath');
    const answer = await client.call('/v1/files/slow', { headers: { 'grpc-timeout': '100m' } });
    expect(answer.status).toBe(504);
    expect(answer.json()).toMatchObject({ code: 'DEADLINE_EXCEEDED', detail: 'the backend did not answer in time' });
  });

  it('ends a stream that takes longer with a status in the stream', async () => {
    const stream = await client.events('/v1/shelves/1/books:watch', { headers: { 'grpc-timeout': '500m' } });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events[0]).toMatchObject({ data: '{"title":"1"}' });
    expect(events.at(-1)).toMatchObject({ event: 'end', id: undefined });
    expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ code: 4 });
  });
});

describe('metadata', () => {
  it('is what the allow-list lets through, the request’s id and the verified identity, nothing else', async () => {
    const { metadata } = await seen({
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1',
      'x-request-id': 'my-request.1',
      'grpc-metadata-tenant': 'acme',
      'x-forwarded-client-cert': 'Hash=forged',
      'x-passband-identity': '{"cn":"forged"}',
      'grpc-metadata-x-passband-identity': '{"cn":"forged"}',
      'grpc-metadata-authorization': 'Bearer forged',
      authorization: 'Bearer forged',
      cookie: 'a=b',
      'x-other': '1',
    });
    const { 'x-passband-identity': identity, 'user-agent': agent, ...rest } = metadata;
    expect(rest).toEqual({
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1',
      'x-request-id': 'my-request.1',
      tenant: 'acme',
    });
    expect(JSON.parse(String(identity))).toMatchObject({ cn: 'oran-client' });
    expect(agent).toMatch(/^passband /);
  });

  it('has an id of the gateway’s own where the caller’s is none', async () => {
    const { metadata } = await seen({ 'x-request-id': 'two words' });
    expect(metadata['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

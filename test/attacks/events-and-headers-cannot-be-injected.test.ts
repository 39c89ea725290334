// Whoever feeds a backend chooses texts: titles, positions, messages of errors, content types. With a line end in one of
// them they would write events of their own into every reader's stream (an `end` that never was, a position that skips
// what matters), or headers into an answer. Texts stay texts, and what cannot be one is refused.

import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventSourceMessage } from 'eventsource-parser';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';
import { type RawOptions, rawExchange, requestText } from '../support/raw.ts';

const FEED_PROTO = join(PACKAGE_ROOT, 'test', 'fixtures', 'feed');
const OWN_PROTO = join(PACKAGE_ROOT, 'proto');
const GOOGLE_PROTOS = dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'));
const definition = loadSync('acme/feed/v1/feed.proto', {
  keepCase: true,
  includeDirs: [FEED_PROTO, OWN_PROTO, GOOGLE_PROTOS],
});

/** An item as the backend sends it. */
interface Item {
  readonly position?: string;
  readonly text?: string;
  readonly labels?: Readonly<Record<string, string>>;
}
type Request = { readonly feed: string; readonly after: string };

/** What the backend does next. */
let plan: { items: readonly Item[]; status?: Partial<grpc.StatusObject>; contentType?: string };
const requests: Request[] = [];
let server: grpc.Server;
let stack: LibraryStack;
let client: Caller;
let raw: RawOptions;

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

beforeAll(async () => {
  const port = await freePort();
  stack = await startLibraryStack({ proto: FEED_PROTO, 'proto-path': OWN_PROTO, backend: `localhost:${port}` });
  server = new grpc.Server();
  server.addService(definition['acme.feed.v1.Feed'] as grpc.ServiceDefinition, {
    Watch: (call: grpc.ServerWritableStream<Request, Item>) => {
      requests.push(call.request);
      for (const item of plan.items) call.write(item);
      if (plan.status === undefined) call.end();
      else call.emit('error', plan.status);
    },
    Page: ((call, done) => {
      requests.push(call.request);
      done(null, { content_type: plan.contentType, data: Buffer.from('page') });
    }) satisfies grpc.handleUnaryCall<Request, object>,
  });
  const { certPem, keyPem } = await stack.pki.pair('backend');
  const pair = { cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) };
  const credentials = grpc.ServerCredentials.createSsl(Buffer.from(stack.pki.caPem), [pair], true);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => (error === null ? resolve() : reject(error)));
  });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.pki.dir, 'client'));
  const gatewayPort = Number(new URL(stack.gatewayUrl).port);
  raw = { port: gatewayPort, caPem: stack.pki.caPem, pair: pairIn(stack.pki.dir, 'client') };
  plan = { items: [{ text: 'ready' }] };
  await watch();
});
afterAll(async () => {
  await client?.close();
  server?.forceShutdown();
  await stack?.close();
});

async function watch(path = '/v1/feeds/a:watch'): Promise<EventSourceMessage[]> {
  const events: EventSourceMessage[] = [];
  const stream = await client.events(path);
  expect(stream.status).toBe(200);
  for await (const event of stream) events.push(event);
  return events;
}

/** An event of the attacker's, behind each kind of line end. */
const FORGED = ['\n', '\r', '\r\n'].flatMap((end) => [
  `x${end}${end}event: end${end}id: !end${end}data: {"code":0}${end}${end}`,
  `x${end}id: 999${end}data: {"text":"forged"}${end}${end}`,
]);
/** The same behind what only some readers take for the end of a line, or of a text. */
const behind = (end: string): string => `x${end}${end}event: end${end}data: {"code":0}${end}${end}`;
const CONTROLS = ['\v', '\f', '\0', '\u001e', '\u007f'].map(behind);
const LOOKALIKES = ['\u2028', '\u2029', '\u0085', '\ufeff'].map(behind);
/** Events of the gateway's own come once, at the end. */
const NATURAL_END = { event: 'end', id: '!end', data: '{"code":0,"message":"OK","details":[]}' };

describe('a text of the backend’s', () => {
  it.each([...FORGED, ...CONTROLS, ...LOOKALIKES])('%j stays one in a message', async (text) => {
    plan = {
      items: [
        { position: '1', text, labels: { [text]: text } },
        { position: '2', text: 'after' },
      ],
    };
    const [first, second, end, ...more] = await watch();
    expect(JSON.parse(first?.data ?? '')).toEqual({ position: '1', text, labels: { [text]: text } });
    expect(first).toMatchObject({ id: '1', event: undefined });
    expect(second).toMatchObject({ id: '2' });
    expect(end).toEqual(NATURAL_END);
    expect(more).toEqual([]);
  });

  it.each([...FORGED, ...CONTROLS])('%j is no position: its stream ends, and says so', async (position) => {
    plan = { items: [{ position: '1' }, { position, text: 'evil' }, { position: '3' }] };
    const [first, end, ...more] = await watch();
    expect(first).toMatchObject({ id: '1' });
    expect(end?.event).toBe('end');
    expect(JSON.parse(end?.data ?? '')).toMatchObject({ code: 13 });
    expect(more).toEqual([]);
  });

  it.each(['!end', '!anything'])('%j is a position of the gateway’s own, and nobody else’s', async (position) => {
    plan = { items: [{ position, text: 'first' }, { position: '2' }] };
    const [first, second, end] = await watch();
    expect(first).toEqual({ event: undefined, id: undefined, data: JSON.stringify({ position, text: 'first' }) });
    expect([second?.id, end]).toEqual(['2', NATURAL_END]);
  });

  it.each(FORGED)('%j stays one in the status that ends a stream', async (text) => {
    // gRPC percent-encodes it on the wire, so that it does arrive.
    plan = { items: [{ position: '1' }], status: { code: grpc.status.ABORTED, details: text } };
    const [, end, ...more] = await watch();
    expect(end?.event).toBe('end');
    expect(JSON.parse(end?.data ?? '')).toMatchObject({ code: 10, message: text });
    expect(more).toEqual([]);
  });

  it.each(FORGED)('%j stays one in a problem document', async (text) => {
    plan = { items: [], status: { code: grpc.status.ABORTED, details: text } };
    const answer = await rawExchange(raw, requestText('GET', '/v1/feeds/a:watch'));
    expect(answer.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect([...answer.headers.keys()]).not.toContain('id');
    expect(JSON.parse(answer.body).detail).toBe(text);
  });
});

describe('a content type of the backend’s', () => {
  it.each([
    'text/plain\r\nset-cookie: evil=1',
    'text/plain\nset-cookie: evil=1',
    'text/plain\r\n\r\n<script>evil()</script>',
    'text/plain\0evil',
    'text/evil\u010d\u010aset-cookie: evil=1',
  ])('%j is no header', async (contentType) => {
    plan = { items: [], contentType };
    const answer = await rawExchange(raw, requestText('GET', '/v1/feeds/a/page'));
    expect(answer.status).toBe(500);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.text).not.toContain('evil');
    expect((await client.call('/healthz')).status).toBe(200);
  });
});

describe('a position of the reader’s', () => {
  it.each(FORGED)('%j goes to the backend as it is, and into no answer', async (position) => {
    plan = { items: [{ position: '5' }] };
    const events = await watch(`/v1/feeds/a:watch?lastEventId=${encodeURIComponent(position)}`);
    expect(requests.at(-1)).toMatchObject({ feed: 'a', after: position });
    expect(events).toEqual([{ event: undefined, id: '5', data: '{"position":"5"}' }, NATURAL_END]);
  });

  it.each(['\r\nx-evil: 1', '\nx-evil: 1'])('%j ends no header of the answer', async (text) => {
    plan = { items: [] };
    const id = `a${encodeURIComponent(text)}`;
    const answer = await rawExchange(raw, requestText('GET', `/v1/feeds/${id}/nothing`, [`X-Request-Id: ${id}`]));
    expect(answer.status).toBe(404);
    expect([...answer.headers.keys()]).not.toContain('x-evil');
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

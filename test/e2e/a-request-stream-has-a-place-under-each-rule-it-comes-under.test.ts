import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Dispatcher } from 'undici';
import { type Caller, callerOf } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';
import { until } from '../support/until.ts';

const SHOUT = 'acme.library.v1.Library/Shout';
const POLICY = `version: 1
rules:
  - name: a-to-m
    subjects: ["cn:*"]
    allow: [{ methods: ["${SHOUT}"], where: { title: ["a*"] }, limits: { concurrentStreams: 1 } }]
  - name: n-to-z
    subjects: ["cn:*"]
    allow: [{ methods: ["${SHOUT}"], where: { title: ["n*"] }, limits: { concurrentStreams: 1 } }]
  - name: digits
    subjects: ["cn:*"]
    allow:
      - { methods: ["${SHOUT}"], where: { title: ["1*"] }, limits: { concurrentStreams: 1 } }
      - { methods: ["${SHOUT}"], where: { title: ["2*"] }, limits: { concurrentStreams: 1 } }
  - name: imports
    subjects: ["cn:*"]
    allow: [{ methods: ["acme.library.v1.Library/ImportBooks"], limits: { concurrentStreams: 1 } }]
`;

let stack: LibraryStack;
let folder: string;
let caller: Caller;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-places-'));
  await writeFile(join(folder, 'policy.yaml'), POLICY);
  stack = await startLibraryStack({ policy: join(folder, 'policy.yaml') });
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.pair('client'));
});
afterAll(async () => {
  await caller?.close();
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A stream of requests whose messages are titles. */
class Titles {
  readonly #body = new PassThrough();
  readonly answer: Promise<Dispatcher.ResponseData>;
  text = '';

  constructor(path: string) {
    const headers = { 'content-type': 'application/x-ndjson', accept: 'text/event-stream, application/json' };
    this.answer = caller.open(path, { method: 'POST', headers, body: this.#body });
    // For the head to go out; an empty line is no message.
    this.#body.write('\n');
  }

  async status(): Promise<number> {
    const { statusCode, body } = await this.answer;
    body.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
    body.on('error', () => {});
    return statusCode;
  }

  send(title: string): this {
    this.#body.write(`${JSON.stringify({ title })}\n`);
    return this;
  }

  /** Waits for what has come to match. */
  async has(pattern: RegExp): Promise<void> {
    await until(
      `${pattern}`,
      () => this.text,
      (text) => pattern.test(text),
    );
  }

  end(): void {
    this.#body.end();
  }
}

it('one that comes under a rule by its messages needs a place there', async () => {
  const path = '/v1/books:shout';
  const first = new Titles(path).send('alpha');
  expect(await first.status()).toBe(200);
  // It may go to and fro, and has one place wherever it is.
  first.send('november').send('alpha').send('nectar');
  await first.has(/NOVEMBER[\s\S]*ALPHA[\s\S]*NECTAR/);

  const second = new Titles(path).send('november');
  expect(await second.status()).toBe(429);
  expect(stack.logs).toContainEqual(
    expect.objectContaining({ audit: 'deny', code: 'RESOURCE_EXHAUSTED', rule: 'n-to-z' }),
  );
  const third = new Titles(path).send('alpha');
  expect(await third.status()).toBe(200);
  await third.has(/ALPHA/);
  third.send('november');
  await third.has(/event: end\ndata: {"code":8,/);
  // It had its place where it was let in, to its end.
  const line = () => stack.logs.find(({ msg, status, code }) => msg === 'request' && status === 200 && code !== 'OK');
  expect(await until('its line', line)).toMatchObject({ code: 'RESOURCE_EXHAUSTED', rule: 'a-to-m' });

  first.send('no more');
  await first.has(/NO MORE/);
  first.end();
  await first.has(/event: end\ndata: {"code":0,/);
  // The place is free again a moment after the end was told.
  const again = async (): Promise<number> => {
    const next = new Titles(path).send('november');
    next.end();
    return next.status();
  };
  await until('a place', again, (status) => status === 200);
});

it('and so does one that comes under another entry of the same rule', async () => {
  const path = '/v1/books:shout';
  const first = new Titles(path).send('1 a');
  expect(await first.status()).toBe(200);
  first.send('2 b').send('1 c').send('2 d');
  await first.has(/2 B[\s\S]*1 C[\s\S]*2 D/);

  const second = new Titles(path).send('1 e');
  expect(await second.status()).toBe(200);
  await second.has(/1 E/);
  second.send('2 f');
  await second.has(/event: end\ndata: {"code":8,/);
  first.send('1 g');
  await first.has(/1 G/);
  first.end();
  await first.has(/event: end\ndata: {"code":0,/);
});

it('one that is answered once has a place, too, until it is answered', async () => {
  const path = '/v1/shelves/1/books:import';
  const arrival = stack.library.next('ImportBooks');
  const first = new Titles(path).send('One');
  await arrival;
  const second = new Titles(path);
  expect(await second.status()).toBe(429);
  first.end();
  expect(await first.status()).toBe(200);
  await first.has(/"books":1/);
  const third = new Titles(path);
  third.end();
  expect(await third.status()).toBe(200);
});

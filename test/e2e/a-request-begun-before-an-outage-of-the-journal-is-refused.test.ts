import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { rawConnected, untilClosed } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const BODY = '{"dopplerShiftHz": 1200}';
const HEAD = [
  'POST /v1/stations/sim-1:updateDoppler HTTP/1.1',
  'Host: localhost',
  'Content-Type: application/json',
  'X-Request-Id: begun-before',
  'Connection: close',
  `Content-Length: ${BODY.length}`,
];

let stack: Stack;
let client: Caller;
beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client.close();
  await stack.close();
});

it('is refused when its body ends while no line can be kept, and has no effect', async () => {
  const folder = join(stack.certsDir, 'audit');
  const pair = pairIn(stack.certsDir, 'client');
  const socket = await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair });
  const answer = untilClosed(socket);
  const begun = new Promise((resolve) => socket.once('data', resolve));
  // What answers this has begun to handle the request.
  socket.write(`${[...HEAD, 'Expect: 100-continue'].join('\r\n')}\r\n\r\n`);
  expect(String(await begun)).toMatch(/^HTTP\/1\.1 100 /);

  // A folder that is gone takes no new file, and the one in use is noticed to be nobody's.
  await rename(folder, `${folder}-away`);
  await until('new requests are refused', async () => (await client.call('/whoami')).status === 503);
  const { total } = await stack.backendCalls();
  socket.write(BODY);
  const { text } = await answer;
  expect(text).toMatch(/\r\nHTTP\/1\.1 503 /);
  expect(text).toContain('UNAVAILABLE');
  expect((await stack.backendCalls()).total).toBe(total);

  await rename(`${folder}-away`, folder);
  await until('requests are taken again', async () => (await client.call('/whoami')).status === 200);
  await stack.gateway.close(1000);
  const names = (await readdir(folder)).filter((name) => /^gateway.*\.jsonl$/.test(name));
  const journal = (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('');
  expect(journal).toContain('"event":"outage"');
  expect(journal).not.toContain('begun-before');
});

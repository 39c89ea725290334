import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let client: Caller;

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

it('gives a recording through both hops byte for byte', async () => {
  const recording = readFileSync(join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-data'));
  const got: Buffer[] = [];
  let bytes = 0;
  let firstSample: number | undefined;
  const stream = await client.events('/v1/stations/adsb/iq?batch_size_samples=4096');
  for await (const event of stream) {
    expect(event.event).toBeUndefined();
    const frame = JSON.parse(event.data);
    firstSample ??= Number(frame.sampleIndex ?? 0);
    expect(Number(frame.sampleIndex ?? 0)).toBe(firstSample + bytes / 2);
    const data = Buffer.from(frame.data, 'base64');
    got.push(data);
    bytes += data.length;
    if (bytes >= recording.length) break;
  }
  stream.stop();
  // The recording loops; begin where the stream began.
  const start = ((firstSample ?? 0) * 2) % recording.length;
  const loop = Buffer.concat([recording.subarray(start), recording.subarray(0, start)]);
  const sha512 = (data: Buffer): string => createHash('sha512').update(data).digest('hex');
  expect(sha512(Buffer.concat(got).subarray(0, recording.length))).toBe(sha512(loop));
});

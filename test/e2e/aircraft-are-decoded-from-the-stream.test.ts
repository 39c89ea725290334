import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { demodulate, isClean } from '../support/mode-s.ts';
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

const RECORDINGS = join(PACKAGE_ROOT, 'fixtures', 'recordings');
/**
 * Bytes that dump1090 read to make the list of known messages: it reads buffers of 256 KiB and leaves out the last that
 * is not full. What comes behind them is decoded here, too, but the list says nothing of it.
 */
const LISTED_BYTES = 2 * 256 * 1024;
/** Share of the known messages with a clean CRC that must be found. dump1090 also corrects the phase; this does not. */
const MIN_SHARE = 0.8;

it('finds the known Mode S messages in what arrived as server-sent events, and none that is not known', async () => {
  const recording = readFileSync(join(RECORDINGS, 'modes1.sigmf-data'));
  const samples = recording.length / 2;
  const reader = new FrameReader(await client.events('/v1/stations/adsb/iq?datatype=cu8&batch_size_samples=4096'));
  await reader.until(() => reader.frames.length * 4096 >= samples);
  reader.stop();

  // The recording loops: put what arrived where it belongs in it.
  const received = Buffer.alloc(recording.length);
  for (const { data, sampleIndex } of reader.frames) {
    const at = (2 * sampleIndex) % recording.length;
    const untilEnd = Math.min(data.length, recording.length - at);
    data.copy(received, at, 0, untilEnd);
    data.copy(received, 0, untilEnd);
  }
  const sha512 = (data: Buffer): string => createHash('sha512').update(data).digest('hex');
  expect(reader.gaps).toEqual([]);
  expect(sha512(received)).toBe(sha512(recording));

  const list = readFileSync(join(RECORDINGS, 'modes1.messages.txt'), 'utf8');
  const known = Array.from(list.matchAll(/[0-9a-f]{14,28}/g), ([hex]) => hex);
  expect(known).toHaveLength(217);
  const found = demodulate(received).filter(({ sampleIndex }) => 2 * sampleIndex < LISTED_BYTES);
  expect(found.filter(({ hex }) => !known.includes(hex))).toEqual([]);

  const left = new Map<string, number>();
  for (const { hex } of found) left.set(hex, (left.get(hex) ?? 0) + 1);
  const clean = known.filter((hex) => isClean(Buffer.from(hex, 'hex')));
  const hits = clean.filter((hex) => {
    const count = left.get(hex) ?? 0;
    left.set(hex, count - 1);
    return count > 0;
  });
  expect(clean).toHaveLength(165);
  expect(hits.length / clean.length).toBeGreaterThanOrEqual(MIN_SHARE);
});

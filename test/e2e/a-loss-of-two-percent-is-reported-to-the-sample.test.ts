// needs: python-zmq
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { declareStation } from '../../src/backend/stations/declared-station.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type RunningPython, startPython } from '../support/python.ts';
import { type Stack, startStack } from '../support/stack.ts';

const MESSAGES = 1500;
const MESSAGE_SAMPLES = 1000;
const RATE = 500_000;
/** No multiple of a message, so that gaps lie anywhere in frames. */
const BATCH = 1536;

let python: RunningPython;
let stack: Stack;
let client: Caller;

beforeAll(async () => {
  const script = fileURLToPath(new URL('./lossy-publisher.py', import.meta.url));
  python = startPython(script, [MESSAGES, MESSAGE_SAMPLES, RATE, 7]);
  const station = {
    station_id: 'lossy',
    sample_rate: RATE,
    center_frequency_hz: 100e6,
    zmq: { endpoint: await python.line(), datatype: 'ci16_le', tags: true },
  };
  stack = await startStack({ stations: [declareStation(station, PACKAGE_ROOT)] });
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
  await python?.stop();
});

/** Numbers that samples say they have. */
function numbersOf(data: Buffer): number[] {
  return Array.from(
    { length: data.length / 4 },
    (_, i) => data.readInt16LE(4 * i) + 2 ** 15 * data.readInt16LE(4 * i + 2),
  );
}

it('counts exactly the samples that were dropped on their way, and gives every other one in its place', async () => {
  const stream = await client.events(`/v1/stations/lossy/iq?batch_size_samples=${BATCH}`);
  const received: number[] = [];
  let reported = 0;
  let indexOfZero: number | undefined;
  let misplaced = 0;
  let dropped: readonly number[] | undefined;
  const answer = python.line().then((line) => {
    dropped = JSON.parse(line);
  });
  for await (const { event, data } of stream) {
    if (event !== undefined) continue;
    const frame = JSON.parse(data);
    const numbers = numbersOf(Buffer.from(frame.data, 'base64'));
    indexOfZero ??= Number(frame.sampleIndex) - (numbers[0] ?? 0);
    if (received.length > 0) reported += Number(frame.lostSamples ?? 0);
    misplaced += numbers.filter((number, i) => number !== Number(frame.sampleIndex) + i - (indexOfZero ?? 0)).length;
    received.push(...numbers);
    if (dropped !== undefined && (received.at(-1) ?? 0) > (dropped.at(-1) ?? 0) + MESSAGE_SAMPLES) break;
  }
  stream.stop();
  await answer;

  const [first = 0, last = 0] = [received[0], received.at(-1)];
  const total = MESSAGE_SAMPLES * (dropped?.length ?? 0);
  // Of what was dropped before a slow machine had this stream open, only the station knows.
  const behind = dropped?.filter((number) => number > first).length ?? 0;
  expect(behind).toBeGreaterThan(10);
  expect(misplaced).toBe(0);
  expect(reported).toBe(MESSAGE_SAMPLES * behind);
  expect(received.length + reported).toBe(last - first + 1);
  const stats = (await client.call('/v1/stations/lossy/stats')).json();
  expect(stats).toMatchObject({ sourceLostSamples: String(total) });
});

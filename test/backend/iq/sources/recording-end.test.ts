import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { SampleRing } from '../../../../src/backend/iq/ring/ring.ts';
import type { RecordingSource } from '../../../../src/backend/iq/sources/recording-source.ts';
import { openSigmf } from '../../../../src/backend/iq/sources/sigmf.ts';
import type { PassbandError } from '../../../../src/errors.ts';
import { MAX_INDEX_SPAN } from '../../../../src/sigmf/segments.ts';
import { countingBytes, RecordingFolder } from '../../../support/sigmf-recording.ts';
import { ManualClock } from '../../manual-clock.ts';

/** Samples a second, and in each of the two parts. */
const RATE = 1000;
/** The longest gap there may be is played in ten seconds: a round of 2^44 samples in twelve. */
const ROUND_MS = 12_000;
const ROUNDS_TO_THE_END = 2 ** 52 / MAX_INDEX_SPAN;

let folder: RecordingFolder;
let clock: ManualClock;
let ring: SampleRing;
let faults: PassbandError[];
beforeAll(async () => {
  folder = await RecordingFolder.make();
});
afterAll(() => folder.remove());
beforeEach(() => {
  clock = new ManualClock();
  ring = new SampleRing(5 * RATE, 2, clock);
  faults = [];
});

async function open(loop: boolean): Promise<RecordingSource> {
  const captures = [
    { 'core:sample_start': 0, 'core:global_index': 0 },
    { 'core:sample_start': RATE, 'core:global_index': MAX_INDEX_SPAN - RATE },
  ];
  const file = await folder.write('long', 'ci8', RATE, countingBytes(4 * RATE), captures);
  return openSigmf({ file, loop }, { clock, log: pino({ enabled: false }) });
}
const start = (source: RecordingSource, ended = (): void => undefined): void =>
  source.start({ samples: (block) => ring.append(block), failed: (fault) => faults.push(fault), ended });

it('a recording that is repeated ends with a fault where its count is not exact any more', async () => {
  const source = await open(true);
  clock.stall(ROUNDS_TO_THE_END * ROUND_MS - 2000);
  start(source);
  clock.advance(1500);
  expect(ring.head).toBe(2 ** 52 - 500);
  expect(faults).toEqual([]);
  clock.advance(1000);
  expect(ring.head).toBe(2 ** 52);
  expect(faults).toEqual([source.fault]);
  expect(source.fault).toMatchObject({
    code: 'UNAVAILABLE',
    publicMessage: expect.stringMatching(/make the station anew/),
  });
  // Nothing will change that: nothing is tried.
  expect(clock.timers).toBe(0);
  clock.advance(600 * ROUND_MS);
  expect([ring.head, source.nextIndex(), faults.length]).toEqual([2 ** 52, 2 ** 52, 1]);
  source.stop();
  start(source);
  expect([faults.length, clock.timers, source.fault]).toEqual([2, 0, faults[1]]);
});

it('one that is played once for each who comes is played as often as its count is exact', async () => {
  const source = await open(false);
  let ends = 0;
  for (let round = 0; round < ROUNDS_TO_THE_END; round++) {
    start(source, () => {
      ends++;
      source.stop();
    });
    while (ends === round) clock.stall(900);
  }
  expect(ring.head).toBe(2 ** 52);
  expect(faults).toEqual([]);
  start(source);
  expect(faults).toEqual([source.fault]);
  expect([source.nextIndex(), clock.timers]).toEqual([2 ** 52, 0]);
});

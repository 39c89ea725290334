import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { until } from '../../support/until.ts';
import { BackendUnderTest, type Caller, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

/** 8.192 ms at the station's rate, in which it is tuned elsewhere twice. */
const BATCH = 8192;
const RETUNES = 40;
const DWELL_MS = 3;

async function framesUntil(iq: Caller, request: object, lastSample: number): Promise<Message[]> {
  return iq.takeWhile('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: BATCH, ...request }, (frames) => {
    const last = frames.at(-1);
    return Number(last?.sample_index) + Number(last?.sample_count) < lastSample;
  });
}

/** What a frame is, but for what its reader lost. */
const rowsOf = (frames: readonly Message[]): unknown[][] =>
  frames.map(({ sequence_number, sample_index, sample_count, center_frequency_hz, data }) => [
    ...[sequence_number, sample_index, sample_count, center_frequency_hz],
    data?.toString('base64'),
  ]);

it('and every reader gets the same frames under the same numbers, also who comes later', async () => {
  const clock = new ManualClock();
  const backend = await BackendUnderTest.start({ clock, stations: DEFAULT_STATIONS });
  try {
    const iq = await backend.client('sdr.oran.IQStreamService');
    const frames: Message[] = [];
    const stream = iq.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: BATCH });
    stream.on('error', () => undefined).on('data', (frame: Message) => frames.push(frame));
    await once(stream, 'metadata');
    clock.advance(20);
    const centres = Array.from({ length: RETUNES }, (_, i) => 101e6 + 1e6 * i);
    for (const center_frequency_hz of centres) {
      await iq.unary('StartStream', { station_id: 'sim-1', center_frequency_hz });
      clock.advance(DWELL_MS);
    }
    // Long enough for the numbers to be those of the samples again.
    clock.advance(1500);
    const end = 1_600_000;
    await until(
      'the last frame',
      () => Promise.resolve(Number(frames.at(-1)?.sample_index) + Number(frames.at(-1)?.sample_count)),
      (reached) => reached > end,
    );
    stream.cancel();

    const received = frames.reduce((sum, { sample_count }) => sum + Number(sample_count), 0);
    const last = frames.at(-1);
    expect(frames.map(({ lost_samples }) => lost_samples).filter((lost) => lost !== '0')).toEqual([]);
    expect(received).toBe(Number(last?.sample_index) + Number(last?.sample_count));
    expect(frames.map(({ sequence_number }) => Number(sequence_number))).toEqual(frames.map((_, i) => i));
    // Of each tuning all samples came.
    const samplesAt = (centre: number): number =>
      frames
        .filter(({ center_frequency_hz }) => center_frequency_hz === centre)
        .reduce((sum, { sample_count }) => sum + Number(sample_count), 0);
    for (const centre of centres.slice(0, -1)) expect(samplesAt(centre)).toBe(DWELL_MS * 1000);
    // In the end, frame n holds the samples n * BATCH to n * BATCH + BATCH - 1 again.
    expect(Number(last?.sample_index)).toBe(Number(last?.sequence_number) * BATCH);
    expect(last?.sample_count).toBe(BATCH);

    const expected = rowsOf(frames);
    const upTo = Number(last?.sample_index);
    const again = rowsOf(await framesUntil(iq, { start: 'EARLIEST' }, upTo));
    expect(again).toEqual(expected.slice(0, again.length));
    expect(again.length).toBeGreaterThan(RETUNES);
    for (const after of [1, 7, RETUNES - 2, RETUNES + 1]) {
      const resumed = rowsOf(await framesUntil(iq, { after_sequence: String(after) }, upTo));
      expect(resumed).toEqual(expected.slice(after + 1, after + 1 + resumed.length));
      expect(resumed.length).toBeGreaterThan(10);
    }
  } finally {
    await backend.stop();
  }
});

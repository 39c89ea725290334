import pino from 'pino';
import { type ProducerSession, PushSource } from '../../../../src/backend/iq/sources/push.ts';
import { ManualClock } from '../../manual-clock.ts';
import type { SourceUnderTest } from '../source-under-test.ts';
import { bytesOf, RATE, ramp } from './producer-under-test.ts';

const MS_PER_BLOCK = 10;
const SAMPLES = (RATE / 1000) * MS_PER_BLOCK;
/** Longer than readers wait for a producer. */
const AWAY_MS = 6000;

/** A station with one producer, whose samples tell their index. */
export async function pushCase(): Promise<SourceUnderTest> {
  const clock = new ManualClock();
  const source = new PushSource(
    { datatype: 'cf32_le', sampleRateHz: RATE, centerFrequencyHz: 1e8 },
    { stationId: 'gs-1', clock, log: pino({ level: 'silent' }) },
  );
  let session: ProducerSession | undefined = source.connect('producer');
  return {
    source,
    feed: async (ms) => {
      for (let done = 0; done < ms; done += MS_PER_BLOCK) {
        const samples = bytesOf(ramp(source.nextIndex(), SAMPLES));
        session?.push({ samples, lostBefore: 0, timestampNs: clock.wallNs(), reception: {} });
        clock.advance(MS_PER_BLOCK);
      }
    },
    expected: (sampleIndex, samples) => bytesOf(ramp(sampleIndex, samples)),
    retune: /the rate and the frequency that its producer states/,
    trouble: {
      begin: async () => {
        session?.leave(0);
        session = undefined;
        clock.advance(AWAY_MS);
      },
      end: async () => {
        session = source.connect('producer');
      },
    },
    held: () => Array.from({ length: clock.timers }, () => 'timer'),
    remove: async () => {},
  };
}

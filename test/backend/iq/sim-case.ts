import { pino } from 'pino';
import { PacedSource } from '../../../src/backend/iq/sources/paced-source.ts';
import { SimGenerator } from '../../../src/backend/iq/sources/sim.ts';
import type { SimConfig } from '../../../src/backend/iq/sources/sim-scene.ts';
import { ManualClock } from '../manual-clock.ts';
import type { SourceUnderTest } from './source-under-test.ts';

const CONFIG: SimConfig = {
  sampleRateHz: 1_200_000,
  centerFrequencyHz: 1_090_000_000,
  seed: 7,
  noiseDbfs: -30,
  qpsk: [{ offsetHz: 0, powerDbfs: -20 }],
  carriers: [{ offsetHz: 123_456, powerDbfs: -20 }],
};

/** A simulated receiver, whose samples a second one tells beforehand. */
export async function simCase(): Promise<SourceUnderTest> {
  const clock = new ManualClock();
  return {
    source: new PacedSource(new SimGenerator(CONFIG), clock, pino({ level: 'silent' })),
    clock,
    feed: async (ms) => clock.advance(ms),
    expected: (sampleIndex, samples) => {
      const bytes = new Uint8Array(8 * samples);
      new SimGenerator(CONFIG).fill(sampleIndex, bytes);
      return Buffer.from(bytes.buffer);
    },
    retune: { sampleRateHz: 2_400_000, centerFrequencyHz: 433_000_000 },
    held: () => Array.from({ length: clock.timers }, () => 'timer'),
    remove: async () => {},
  };
}

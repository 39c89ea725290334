import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PacedSource } from '../../../src/backend/iq/sources/paced-source.ts';
import { loadRecording, RecordingGenerator } from '../../../src/backend/iq/sources/sigmf.ts';
import { PACKAGE_ROOT } from '../../../src/package-root.ts';
import { ManualClock } from '../manual-clock.ts';
import type { SourceUnderTest } from './source-under-test.ts';

const FILE = join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-meta');

/** A recording off the air, played over and over. */
export async function sigmfCase(): Promise<SourceUnderTest> {
  const clock = new ManualClock();
  const data = readFileSync(FILE.replace('-meta', '-data'));
  return {
    source: new PacedSource(new RecordingGenerator(await loadRecording(FILE)), clock),
    clock,
    feed: async (ms) => clock.advance(ms),
    expected: (sampleIndex, samples) => {
      const from = (2 * sampleIndex) % data.length;
      const rounds = Math.ceil((from + 2 * samples) / data.length);
      return Buffer.concat(Array.from({ length: rounds }, () => data)).subarray(from, from + 2 * samples);
    },
    retune: /recording/,
    held: () => Array.from({ length: clock.timers }, () => 'timer'),
    remove: async () => {},
  };
}

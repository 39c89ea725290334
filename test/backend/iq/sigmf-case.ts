import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openSigmf } from '../../../src/backend/iq/sources/sigmf.ts';
import { PACKAGE_ROOT } from '../../../src/package-root.ts';
import { filesOpenIn } from '../../support/files-open-in.ts';
import { until } from '../../support/until.ts';
import { ManualClock } from '../manual-clock.ts';
import type { SourceUnderTest } from './source-under-test.ts';

const FILE = join(PACKAGE_ROOT, 'fixtures', 'recordings', 'modes1.sigmf-meta');
const DATA = readFileSync(FILE.replace('-meta', '-data'));

function expected(sampleIndex: number, samples: number): Buffer {
  const from = (2 * sampleIndex) % DATA.length;
  const rounds = Math.ceil((from + 2 * samples) / DATA.length);
  return Buffer.concat(Array.from({ length: rounds }, () => DATA)).subarray(from, from + 2 * samples);
}

const timersOf = (clock: ManualClock): string[] => Array.from({ length: clock.timers }, () => 'timer');

/** A recording off the air, played over and over from memory. */
export async function sigmfCase(): Promise<SourceUnderTest> {
  const clock = new ManualClock();
  return {
    source: await openSigmf({ file: FILE }, { clock, log: pino({ enabled: false }) }),
    clock,
    feed: async (ms) => clock.advance(ms),
    expected,
    retune: /recording/,
    held: () => timersOf(clock),
    remove: async () => {},
  };
}

/** The same, read from its file while it is played. */
export async function streamedSigmfCase(): Promise<SourceUnderTest> {
  const clock = new ManualClock();
  const dir = await mkdtemp(join(tmpdir(), 'passband-sigmf-'));
  const file = join(dir, 'modes1.sigmf-meta');
  const dataFile = join(dir, 'modes1.sigmf-data');
  // Several reads long, so that not all of it is ever at hand.
  const data = Buffer.concat(Array.from({ length: 5 }, () => DATA));
  await writeFile(dataFile, data);
  const meta = JSON.parse(await readFile(FILE, 'utf8')) as { global: Record<string, unknown> };
  meta.global['core:sha512'] = createHash('sha512').update(data).digest('hex');
  await writeFile(file, JSON.stringify(meta));
  const source = await openSigmf({ file }, { clock, log: pino({ enabled: false }) }, 0);
  const rate = source.tuning.sampleRateHz;
  let openFiles: readonly string[] = [];
  /** Until the source has delivered what is due, which it does once it is read. */
  const settled = async (): Promise<void> => {
    await until(
      'the samples that are due',
      async () => source.fault !== undefined || source.nextIndex() >= Math.floor((clock.nowMs() * rate) / 1000),
      (isSettled) => isSettled,
    );
    openFiles = await filesOpenIn(dir);
  };
  return {
    source,
    clock,
    feed: async (ms) => {
      for (let left = ms; left > 0; left -= 100) {
        clock.advance(Math.min(100, left));
        await settled();
      }
      await settled();
    },
    expected,
    retune: /recording/,
    trouble: {
      begin: async () => {
        await truncate(dataFile, 1000);
        // What was read ahead still comes.
        for (let i = 0; i < 100 && source.fault === undefined; i++) {
          clock.advance(100);
          await settled();
        }
      },
      end: async () => {
        await writeFile(dataFile, data);
        clock.advance(1000);
        await until(
          'the source to be well',
          async () => source.fault,
          (fault) => fault === undefined,
        );
      },
    },
    held: () => [...timersOf(clock), ...openFiles],
    remove: () => rm(dir, { recursive: true }),
  };
}

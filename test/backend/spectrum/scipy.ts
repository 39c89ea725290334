import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One estimate for scipy to make. */
export interface ScipyTask {
  /** Window by scipy's name. */
  readonly window: string;
  readonly nperseg: number;
  readonly scaling: 'spectrum' | 'density';
  readonly fs: number;
  /** Greatest power of each bin instead of the mean. */
  readonly hold?: boolean;
}

const PROGRAM = `
import json, sys
import numpy, scipy.signal
samples = numpy.fromfile(sys.argv[1], dtype='<c8').astype(complex)
for task in json.load(sys.stdin):
    if task.pop('hold', False):
        overlap = task['nperseg'] // 2
        f, _, s = scipy.signal.spectrogram(samples, detrend=False, return_onesided=False, noverlap=overlap, mode='psd', **task)
        p = s.max(axis=1)
    else:
        f, p = scipy.signal.welch(samples, detrend=False, return_onesided=False, **task)
    print(json.dumps([numpy.fft.fftshift(f).tolist(), numpy.fft.fftshift(p).tolist()]))
`;

/**
 * What Debian's scipy.signal.welch says of interleaved samples, lowest frequency first: the independent oracle for every
 * spectrum.
 */
export function scipyWelch(
  samples: Uint8Array,
  tasks: readonly ScipyTask[],
): { readonly frequencies: number[]; readonly powers: number[] }[] {
  const dir = mkdtempSync(join(tmpdir(), 'passband-scipy-'));
  try {
    const file = join(dir, 'samples.cf32');
    writeFileSync(file, samples);
    const run = spawnSync('/usr/bin/python3', ['-c', PROGRAM, file], {
      input: JSON.stringify(tasks),
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    if (run.status !== 0)
      throw new Error(`python3 with scipy is needed (apt-get install python3-scipy): ${run.stderr}`);
    return run.stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [frequencies, powers] = JSON.parse(line);
        return { frequencies, powers };
      });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The largest relative difference of two lists of positive numbers. */
export function worstRelativeError(actual: ArrayLike<number>, expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs((actual[i] ?? Number.NaN) / value - 1)), 0);
}

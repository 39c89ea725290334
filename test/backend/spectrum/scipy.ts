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

const ZOOM_PROGRAM = `
import json, sys
import numpy, scipy.signal
samples = numpy.fromfile(sys.argv[1], dtype='<c8').astype(complex)
task = json.load(sys.stdin)
fs, offset, decimation, margin = (task.pop(name) for name in ('fs', 'offset', 'decimation', 'margin'))
time = (numpy.arange(len(samples)) - margin * decimation) / fs
# A filter that is sharper than ours, centred on each sample that is kept.
half = 40 * decimation
taps = scipy.signal.firwin(2 * half + 1, 0.5 * fs / decimation, window=('kaiser', 8), fs=fs)
mixed = samples * numpy.exp(-2j * numpy.pi * offset * time)
part = scipy.signal.fftconvolve(mixed, taps, mode='same')[::decimation][margin:-margin]
own = samples[margin * decimation:-margin * decimation]
for rate, of, times in [(fs / decimation, part, 1), (fs, own, decimation)]:
    nperseg = task['nperseg'] * times
    f, p = scipy.signal.welch(of, detrend=False, return_onesided=False, **(task | {'fs': rate, 'nperseg': nperseg}))
    print(json.dumps([numpy.fft.fftshift(f).tolist(), numpy.fft.fftshift(p).tolist()]))
`;

/** An estimate of a part of the band, filtered and decimated by scipy. */
export interface ZoomTask extends Omit<ScipyTask, 'hold'> {
  /** Centre of the part from the samples', Hz. */
  readonly offset: number;
  readonly decimation: number;
  /** Samples of the part at either end that are for the filter alone. */
  readonly margin: number;
}

/** A list of powers with their frequencies, the lowest first. */
export interface Estimate {
  readonly frequencies: readonly number[];
  readonly powers: readonly number[];
}

/** {@link scipyWelch} of a part of the band, and of the whole band with as fine bins. */
export function scipyZoom(samples: Uint8Array, task: ZoomTask): { readonly part: Estimate; readonly whole: Estimate } {
  const [part, whole] = runScipy(ZOOM_PROGRAM, samples, task);
  if (part === undefined || whole === undefined) throw new Error('scipy printed too little');
  return { part, whole };
}

/**
 * What Debian's scipy.signal.welch says of interleaved samples, lowest frequency first: the independent oracle for every
 * spectrum.
 */
export function scipyWelch(
  samples: Uint8Array,
  tasks: readonly ScipyTask[],
): { readonly frequencies: number[]; readonly powers: number[] }[] {
  return runScipy(PROGRAM, samples, tasks);
}

function runScipy(program: string, samples: Uint8Array, task: unknown): { frequencies: number[]; powers: number[] }[] {
  const dir = mkdtempSync(join(tmpdir(), 'passband-scipy-'));
  try {
    const file = join(dir, 'samples.cf32');
    writeFileSync(file, samples);
    const run = spawnSync('/usr/bin/python3', ['-c', program, file], {
      input: JSON.stringify(task),
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

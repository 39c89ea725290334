// needs: scipy
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PASSBAND_EDGE, planDecimation, STOPBAND_EDGE } from '../../../src/backend/dsp/decimation-plan.ts';
import { DownConverter } from '../../../src/backend/dsp/down-converter.ts';

const RATE = 10e6;
/** Bound once: in a vm context a global is looked up slowly. */
const { cos } = Math;
const TURN = 2 * Math.PI;

/** Pseudo-random numbers in -1 to 1, the same in each run. */
function noise(count: number): Float32Array<ArrayBuffer> {
  let state = 12_345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const tone = (count: number, frequencyHz: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: 2 * count }, (_, i) => {
    const angle = 2 * Math.PI * ((frequencyHz * Math.floor(i / 2)) % RATE) * (1 / RATE);
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });

interface Output {
  readonly first: number;
  readonly samples: Float32Array;
}

/** Converts samples that begin at an index, in pieces. */
function convert(
  converter: DownConverter,
  input: Float32Array,
  from: number,
  piece: (at: number) => number = () => 4096,
): Output {
  converter.restart(from);
  const first = converter.nextOutput;
  const parts: number[] = [];
  for (let at = 0; at < input.length / 2; ) {
    const count = Math.min(piece(at), input.length / 2 - at);
    const { firstIndex, samples } = converter.push(input.subarray(2 * at, 2 * (at + count)), count);
    expect(firstIndex).toBe(first + parts.length / 2);
    parts.push(...samples);
    at += count;
  }
  return { first, samples: Float32Array.from(parts) };
}

const powerDb = (samples: Float32Array): number =>
  10 * Math.log10(samples.reduce((sum, value) => sum + value * value, 0) / (samples.length / 2));

/** What a tone is multiplied by on its way through the stages, folded at each as it is there. */
function gainDb(stages: ReturnType<typeof planDecimation>['stages'], frequency: number): number {
  let f = frequency;
  let gain = 1;
  for (const { decimation, taps } of stages) {
    const middle = (taps.length - 1) / 2;
    let sum = taps[middle] ?? 0;
    for (let i = 0; i < middle; i++) sum += 2 * (taps[i] ?? 0) * cos(TURN * f * (i - middle));
    gain *= sum;
    f = f * decimation - Math.round(f * decimation);
  }
  return 20 * Math.log10(Math.abs(gain) + 1e-30);
}

describe('decimation', () => {
  it.each([2, 3, 5, 7, 8, 10, 12, 40, 64, 100, 1000])(
    'by %i is flat within 0.1 dB over 80%% of the output, and 80 dB down from 60%% of its rate on',
    (decimation) => {
      const { stages } = planDecimation(decimation);
      expect(stages.reduce((product, stage) => product * stage.decimation, 1)).toBe(decimation);
      const steps = 50;
      for (let i = 0; i <= steps; i++) {
        const inside = (PASSBAND_EDGE / decimation) * (i / steps);
        expect(Math.abs(gainDb(stages, inside))).toBeLessThan(0.1);
      }
      // Where something folds to is what matters: just beyond the edge, and around every multiple of the output rate.
      const worst = Math.max(
        ...Array.from({ length: 700 }, (_, i) => {
          const begin = STOPBAND_EDGE / decimation;
          return gainDb(stages, begin + ((0.5 - begin) * i) / 699);
        }),
      );
      expect(worst).toBeLessThan(-80);
    },
  );

  it.each([
    [2, 0],
    [5, -1_234_567.25],
    [40, 3_333_333.25],
    [36, 4_000_001],
  ])('by %i at %d Hz passes a tone at its edge, and shuts out what would fold into it', (decimation, offsetHz) => {
    const plan = planDecimation(decimation);
    const output = RATE / decimation;
    const count = 20_000 + 100 * decimation;
    const through = (hz: number): number =>
      powerDb(convert(new DownConverter(plan, offsetHz, RATE), tone(count, hz), 0).samples);
    expect(through(offsetHz + PASSBAND_EDGE * output)).toBeCloseTo(0, 1);
    expect(through(offsetHz - PASSBAND_EDGE * output)).toBeCloseTo(0, 1);
    const aliases = [STOPBAND_EDGE, -STOPBAND_EDGE, 0.8, -1, 1.3, -2.3].map((alias) => offsetHz + alias * output);
    const received = aliases.filter((hz) => Math.abs(hz) <= RATE / 2);
    expect(received.length).toBeGreaterThan(2);
    for (const hz of received) expect(through(hz)).toBeLessThan(-80);
  });

  it('puts a tone where it belongs: above the centre stays above it, the mirror is silent', () => {
    const plan = planDecimation(40);
    const { samples, first } = convert(new DownConverter(plan, 1e6, RATE), tone(120_000, 1e6 + 50_000), 0);
    const bin = (hz: number): number => {
      let re = 0;
      let im = 0;
      const count = 1000;
      for (let n = 0; n < count; n++) {
        const angle = (-2 * Math.PI * hz * (first + n)) / 250_000;
        re += (samples[2 * n] ?? 0) * Math.cos(angle) - (samples[2 * n + 1] ?? 0) * Math.sin(angle);
        im += (samples[2 * n] ?? 0) * Math.sin(angle) + (samples[2 * n + 1] ?? 0) * Math.cos(angle);
      }
      return Math.hypot(re, im) / count;
    };
    expect(bin(50_000)).toBeCloseTo(1, 3);
    expect(20 * Math.log10(bin(-50_000))).toBeLessThan(-80);
    // Output n stands for input 40 n: the phase is that of the input there, so no delay is left.
    expect(samples[0]).toBeCloseTo(Math.cos((2 * Math.PI * 50_000 * first) / 250_000), 3);
    expect(samples[1]).toBeCloseTo(Math.sin((2 * Math.PI * 50_000 * first) / 250_000), 3);
  });

  it('gives the same bytes in whatever pieces the samples come, and from wherever it begins', () => {
    const plan = planDecimation(12);
    const begin = 2 ** 45 + 7;
    const input = noise(40_000);
    const whole = convert(new DownConverter(plan, 123_456.789, RATE), input, begin, () => 100_000);
    const pieces = convert(new DownConverter(plan, 123_456.789, RATE), input, begin, (at) => 1 + ((at * 7919) % 997));
    expect(pieces.first).toBe(whole.first);
    expect(Buffer.compare(bytes(pieces.samples), bytes(whole.samples))).toBe(0);
    const later = convert(new DownConverter(plan, 123_456.789, RATE), input.subarray(2 * 5001), begin + 5001);
    const tail = whole.samples.subarray(2 * (later.first - whole.first));
    expect(tail.length).toBeGreaterThan(1000);
    expect(Buffer.compare(bytes(later.samples), bytes(tail))).toBe(0);
  });
});

const bytes = (samples: Float32Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);

const PROGRAM = `
import json, sys
import numpy, scipy.signal
folder = sys.argv[1]
for i, task in enumerate(json.load(sys.stdin)):
    x = numpy.fromfile(folder + '/input', numpy.complex64).astype(numpy.complex128)
    n = numpy.arange(len(x))
    x *= numpy.exp(-2j * numpy.pi * ((n * task['offset']) % task['rate']) / task['rate'])
    taps, spacing = numpy.ones(1), 1
    for stage in task['stages']:
        spread = numpy.zeros((len(stage['taps']) - 1) * spacing + 1)
        spread[::spacing] = stage['taps']
        taps = numpy.convolve(taps, spread)
        spacing *= stage['decimation']
    reach = (len(taps) - 1) // 2
    y = scipy.signal.lfilter(taps, 1, x)[reach:][::spacing]
    y.tofile(folder + '/output-%d' % i)
`;

describe('against scipy.signal.lfilter of the same taps', () => {
  const tasks = [
    { decimation: 2, offset: 1_000_000 },
    { decimation: 9, offset: -2_500_000 },
    { decimation: 40, offset: 3_123_456 },
    { decimation: 100, offset: 0 },
  ];
  const input = noise(2 * 30_000);
  const dir = mkdtempSync(join(tmpdir(), 'passband-dsp-'));
  writeFileSync(join(dir, 'input'), bytes(input));
  const stagesOf = (decimation: number): object[] =>
    planDecimation(decimation).stages.map((stage) => ({ ...stage, taps: [...stage.taps] }));
  const given = tasks.map((task) => ({ ...task, rate: RATE, stages: stagesOf(task.decimation) }));
  const run = spawnSync('/usr/bin/python3', ['-c', PROGRAM, dir], { input: JSON.stringify(given), encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`python3 with scipy is needed (apt-get install python3-scipy): ${run.stderr}`);
  const outputs = tasks.map((_, i) => {
    const file = readFileSync(join(dir, `output-${i}`));
    return new Float64Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
  });
  rmSync(dir, { recursive: true });

  it.each(tasks.map((task, i) => ({ ...task, i })))('by $decimation at $offset Hz', ({ decimation, offset, i }) => {
    const { first, samples } = convert(new DownConverter(planDecimation(decimation), offset, RATE), input, 0);
    const expected = outputs[i] ?? new Float64Array();
    expect(samples.length).toBeGreaterThan(200);
    // Floats of 24 bits, of a signal of about 1.
    for (const [k, value] of samples.entries()) {
      expect(Math.abs(value - (expected[2 * first + k] ?? Number.NaN))).toBeLessThan(1e-7);
    }
  });
});

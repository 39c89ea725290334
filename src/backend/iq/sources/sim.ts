import { PassbandError, UsageError } from '../../../errors.ts';
import { gaussianTable, rangeHash, rangeKey, seedKey } from './counter-noise.ts';
import type { SampleGenerator } from './paced-source.ts';
import { MAX_SIGNALS, type SimConfig, snrDbOf } from './sim-scene.ts';
import { amplitude, type SceneShift, type ShiftedRun, type SimSignal } from './sim-signal.ts';
import { signalsOf } from './sim-signals.ts';
import type { Reception, Tuning } from './source.ts';

/** Counters that share one noise key. */
const RANGE = 2 ** 32;
/** Key of the noise among those of a seed. */
const NOISE_KEY = 2;

/**
 * A simulated receiver as cf32_le. Every sample is a pure function of seed and sample index (and with a pass of its time),
 * so any part can be made at any time and in any block size, bit for bit the same.
 */
export class SimGenerator implements SampleGenerator {
  readonly kind = 'sim';
  readonly datatype = 'cf32_le';
  readonly reception?: Reception;
  readonly #config: SimConfig;
  readonly #noiseKey: number;
  readonly #noise: Float32Array | undefined;
  readonly #shift: SceneShift | undefined;
  #signals: readonly SimSignal[];
  #tuning: Tuning;

  /** @throws UsageError for a scene of nothing, or of more than there is time for. */
  constructor(config: SimConfig, shift?: SceneShift) {
    const { seed, noiseDbfs, sampleRateHz, centerFrequencyHz } = config;
    this.#config = config;
    this.#shift = shift;
    this.#signals = signalsOf(config, sampleRateHz);
    if (this.#signals.length === 0 && noiseDbfs === undefined) {
      throw new UsageError('a simulated station needs noise or a signal: noise_dbfs, carriers, qpsk, fm or bursts');
    }
    if (this.#signals.length > MAX_SIGNALS) {
      throw new UsageError(`a simulated station has ${MAX_SIGNALS} signals at most, and this ${this.#signals.length}`);
    }
    const snrDb = snrDbOf(config);
    if (snrDb !== undefined) this.reception = { snrDb };
    this.#tuning = { sampleRateHz, centerFrequencyHz };
    this.#noiseKey = seedKey(seed, NOISE_KEY);
    if (noiseDbfs !== undefined) {
      // Half of the noise power goes into I, half into Q.
      const gain = amplitude(noiseDbfs) * Math.SQRT1_2;
      this.#noise = gaussianTable().map((value) => gain * value);
    }
  }

  get tuning(): Tuning {
    return this.#tuning;
  }

  anchor(sampleIndex: number, timestampNs: bigint): void {
    this.#shift?.anchor(sampleIndex, timestampNs, this.#tuning.sampleRateHz);
  }

  tune(tuning: Tuning): void {
    if (!(tuning.sampleRateHz > 0)) throw new PassbandError('INVALID_ARGUMENT', 'sample_rate must be positive');
    if (tuning.sampleRateHz !== this.#tuning.sampleRateHz) {
      this.#signals = signalsOf(this.#config, tuning.sampleRateHz);
    }
    this.#tuning = tuning;
  }

  fill(sampleIndex: number, target: Uint8Array): void {
    const samples = new Float32Array(target.buffer, target.byteOffset, target.byteLength / 4);
    if (this.#noise === undefined) samples.fill(0);
    else this.#putNoise(this.#noise, sampleIndex, samples);
    const each = (run: ShiftedRun): void => {
      for (const signal of this.#signals) signal.add(samples, run);
    };
    if (this.#shift === undefined) {
      each({ from: 0, end: samples.length, sampleIndex, phase: 0, step: 0, shiftHz: 0 });
    } else this.#shift.runs(sampleIndex, samples.length / 2, each);
  }

  /** The first to be called: it overwrites, the others add. */
  #putNoise(noise: Float32Array, sampleIndex: number, samples: Float32Array): void {
    const untilNextRange = 2 * (RANGE - (sampleIndex % RANGE));
    if (samples.length > untilNextRange) {
      this.#putNoise(noise, sampleIndex + untilNextRange / 2, samples.subarray(untilNextRange));
    }
    const end = Math.min(samples.length, untilNextRange);
    const key = rangeKey(sampleIndex, this.#noiseKey);
    let counter = (sampleIndex % RANGE) | 0;
    for (let i = 0; i < end; i += 2) {
      const bits = rangeHash(counter, key);
      counter = (counter + 1) | 0;
      samples[i] = noise[bits & 0xffff] ?? 0;
      samples[i + 1] = noise[bits >>> 16] ?? 0;
    }
  }
}

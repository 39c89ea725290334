import { PassbandError, UsageError } from '../../../errors.ts';
import { counterHash, gaussianTable, rangeHash, rangeKey, seedKey } from './counter-noise.ts';
import type { SampleGenerator } from './paced-source.ts';
import { rootRaisedCosine } from './root-raised-cosine.ts';
import type { Reception, Tuning } from './source.ts';

/** Samples per QPSK symbol: the modulated signal is sample rate / 8 * 1.35 wide, whatever the rate. */
export const SAMPLES_PER_SYMBOL = 8;
/** Excess bandwidth of the root-raised-cosine pulse. */
const ROLL_OFF = 0.35;
/** Symbols that one pulse extends over; what lies outside is below -50 dB. */
const PULSE_SYMBOLS = 8;
/** Entries of the sine table; with linear interpolation its spurs lie below -130 dBc. */
const SINE_BITS = 12;

/** What the simulated antenna receives. Powers are in dBFS: 0 dBFS is a complex tone of amplitude 1. */
export interface SimConfig extends Tuning {
  /** Any 32-bit integer. Equal seeds give equal samples. */
  readonly seed: number;
  /** A QPSK signal in the middle of the band, root-raised-cosine shaped, of this mean power. */
  readonly qpsk?: { readonly powerDbfs: number };
  /**
   * An unmodulated carrier. Its offset is from the tuned centre: it follows the tuning. At a sample rate whose band it
   * lies outside of it is not received.
   */
  readonly carrier?: { readonly offsetHz: number; readonly powerDbfs: number };
  /**
   * Signal-to-noise ratio in dB: mean power of the QPSK signal (of the carrier, where there is no QPSK) over the mean
   * power of the white Gaussian noise in the whole sampled bandwidth, which is the sample rate.
   */
  readonly snrDb: number;
}

/** Sequences of bits that one pulse can overlap with. */
const PATTERNS = 2 ** PULSE_SYMBOLS;

/**
 * The shaped signal of one of I and Q, for each phase within a symbol and each sequence of the last PULSE_SYMBOLS bits:
 * with so few of them, a table spares the filter.
 */
function shapedPatterns(gain: number): Float64Array {
  const pulse = rootRaisedCosine(ROLL_OFF, SAMPLES_PER_SYMBOL, PULSE_SYMBOLS);
  return Float64Array.from({ length: SAMPLES_PER_SYMBOL * PATTERNS }, (_, entry) => {
    const phase = Math.floor(entry / PATTERNS);
    let sum = 0;
    for (let back = 0; back < PULSE_SYMBOLS; back++) {
      const tap = pulse[back * SAMPLES_PER_SYMBOL + phase] ?? 0;
      sum += ((entry >>> back) & 1) === 1 ? tap : -tap;
    }
    return gain * sum;
  });
}

/** Counters that share one noise key. */
const RANGE = 2 ** 32;

const amplitude = (powerDb: number): number => 10 ** (powerDb / 20);

/** Sine of one turn, one entry more than a turn for the interpolation. */
const SINE = Float64Array.from({ length: (1 << SINE_BITS) + 1 }, (_, i) =>
  Math.sin((2 * Math.PI * i) / (1 << SINE_BITS)),
);
const QUARTER_TURN = 0x4000_0000;

/** Sine of a phase that is a 32-bit fraction of a turn. */
function sine(phase: number): number {
  const fine = 32 - SINE_BITS;
  const entry = phase >>> fine;
  const low = SINE[entry] ?? 0;
  return low + ((SINE[entry + 1] ?? 0) - low) * ((phase & ((1 << fine) - 1)) / (1 << fine));
}

/**
 * A simulated receiver: QPSK, a carrier and white Gaussian noise as cf32_le. Every sample is a pure function of seed and
 * sample index, so any part can be made at any time and in any block size, bit for bit the same.
 */
export class SimGenerator implements SampleGenerator {
  readonly kind = 'sim';
  readonly datatype = 'cf32_le';
  readonly reception: Reception;
  readonly #config: SimConfig;
  readonly #symbolKey: number;
  readonly #noiseKey: number;
  readonly #noise = gaussianTable();
  readonly #noiseAmplitude: number;
  readonly #shaped: Float64Array;
  #tuning: Tuning;

  constructor(config: SimConfig) {
    const reference = config.qpsk ?? config.carrier;
    if (reference === undefined) throw new UsageError('a simulated station needs a qpsk signal, a carrier or both');
    this.#config = config;
    this.reception = { snrDb: config.snrDb };
    this.#tuning = { sampleRateHz: config.sampleRateHz, centerFrequencyHz: config.centerFrequencyHz };
    this.#symbolKey = seedKey(config.seed, 1);
    this.#noiseKey = seedKey(config.seed, 2);
    // Half of the noise power goes into I, half into Q.
    this.#noiseAmplitude = amplitude(reference.powerDbfs - config.snrDb) * Math.SQRT1_2;
    const gain = config.qpsk === undefined ? 0 : amplitude(config.qpsk.powerDbfs) * Math.SQRT1_2;
    this.#shaped = shapedPatterns(gain);
  }

  get tuning(): Tuning {
    return this.#tuning;
  }

  tune(tuning: Tuning): void {
    if (!(tuning.sampleRateHz > 0)) throw new PassbandError('INVALID_ARGUMENT', 'sample_rate must be positive');
    this.#tuning = tuning;
  }

  fill(sampleIndex: number, target: Uint8Array): void {
    const samples = new Float32Array(target.buffer, target.byteOffset, target.byteLength / 4);
    this.#addNoise(sampleIndex, samples);
    if (this.#config.qpsk !== undefined) this.#addQpsk(sampleIndex, samples);
    this.#addCarrier(sampleIndex, samples);
  }

  /** The first to be called: it overwrites, the others add. */
  #addNoise(sampleIndex: number, samples: Float32Array): void {
    const noise = this.#noise;
    const gain = this.#noiseAmplitude;
    const untilNextRange = 2 * (RANGE - (sampleIndex % RANGE));
    if (samples.length > untilNextRange) {
      this.#addNoise(sampleIndex + untilNextRange / 2, samples.subarray(untilNextRange));
    }
    const end = Math.min(samples.length, untilNextRange);
    const key = rangeKey(sampleIndex, this.#noiseKey);
    let counter = (sampleIndex % RANGE) | 0;
    for (let i = 0; i < end; i += 2) {
      const bits = rangeHash(counter, key);
      counter = (counter + 1) | 0;
      samples[i] = gain * (noise[bits & 0xffff] ?? 0);
      samples[i + 1] = gain * (noise[bits >>> 16] ?? 0);
    }
  }

  #addQpsk(sampleIndex: number, samples: Float32Array): void {
    const shaped = this.#shaped;
    let phase = sampleIndex % SAMPLES_PER_SYMBOL;
    let symbol = (sampleIndex - phase) / SAMPLES_PER_SYMBOL;
    // The symbols whose pulses overlap now, a bit each, the newest lowest.
    let re = 0;
    let im = 0;
    const shiftIn = (number: number): void => {
      // Counted from PULSE_SYMBOLS, so that those before sample 0 have counters too.
      const bits = counterHash(number + PULSE_SYMBOLS, this.#symbolKey);
      re = ((re << 1) | (bits & 1)) & (PATTERNS - 1);
      im = ((im << 1) | ((bits >>> 1) & 1)) & (PATTERNS - 1);
    };
    for (let back = PULSE_SYMBOLS - 1; back >= 0; back--) shiftIn(symbol - back);
    for (let i = 0; i < samples.length; i += 2) {
      samples[i] = (samples[i] ?? 0) + (shaped[phase * PATTERNS + re] ?? 0);
      samples[i + 1] = (samples[i + 1] ?? 0) + (shaped[phase * PATTERNS + im] ?? 0);
      if (++phase === SAMPLES_PER_SYMBOL) {
        phase = 0;
        shiftIn(++symbol);
      }
    }
  }

  #addCarrier(sampleIndex: number, samples: Float32Array): void {
    const carrier = this.#config.carrier;
    const rate = this.#tuning.sampleRateHz;
    if (carrier === undefined || Math.abs(carrier.offsetHz) >= rate / 2) return;
    const gain = amplitude(carrier.powerDbfs);
    // Phase as a 32-bit fraction of a turn: index * step mod 2^32 is exact for every index, at any distance.
    const step = Math.round((carrier.offsetHz / rate) * 2 ** 32) | 0;
    let phase = Math.imul(sampleIndex % RANGE, step);
    for (let i = 0; i < samples.length; i += 2) {
      samples[i] = (samples[i] ?? 0) + gain * sine((phase + QUARTER_TURN) >>> 0);
      samples[i + 1] = (samples[i + 1] ?? 0) + gain * sine(phase >>> 0);
      phase = (phase + step) | 0;
    }
  }
}

import { counterHash, seedKey } from './counter-noise.ts';
import { cosine, phaseAt, phaseOf, sine } from './phasor.ts';
import { rootRaisedCosine } from './root-raised-cosine.ts';
import type { SimQpsk } from './sim-scene.ts';
import { amplitude, isOutside, type ShiftedRun, type SimSignal } from './sim-signal.ts';

/** Samples per QPSK symbol unless told: the signal is sample rate / 8 * 1.35 wide, whatever the rate. */
export const SAMPLES_PER_SYMBOL = 8;
/** Excess bandwidth of the root-raised-cosine pulse. */
const ROLL_OFF = 0.35;
/** Symbols that one pulse extends over; what lies outside is below -50 dB. */
const PULSE_SYMBOLS = 8;
/** Sequences of bits that one pulse can overlap with. */
const PATTERNS = 2 ** PULSE_SYMBOLS;
/** Keys of a seed: the first signal has this, the noise the next one, further signals have these from 16 on. */
const FIRST_KEY = 1;
const FURTHER_KEYS = 16;

/**
 * The shaped signal of one of I and Q, for each sequence of the last PULSE_SYMBOLS bits and each phase within a symbol:
 * with so few of them, a table spares the filter.
 */
function shapedPatterns(gain: number, samplesPerSymbol: number): Float32Array {
  const pulse = rootRaisedCosine(ROLL_OFF, samplesPerSymbol, PULSE_SYMBOLS);
  return Float32Array.from({ length: PATTERNS * samplesPerSymbol }, (_, entry) => {
    const pattern = Math.floor(entry / samplesPerSymbol);
    let sum = 0;
    for (let back = 0; back < PULSE_SYMBOLS; back++) {
      const tap = pulse[back * samplesPerSymbol + (entry % samplesPerSymbol)] ?? 0;
      sum += ((pattern >>> back) & 1) === 1 ? tap : -tap;
    }
    return gain * sum;
  });
}

/** A QPSK signal of random symbols. */
export class QpskSignal implements SimSignal {
  readonly #offsetHz: number;
  readonly #rateHz: number;
  readonly #step: number;
  readonly #samplesPerSymbol: number;
  readonly #key: number;
  readonly #shaped: Float32Array;

  constructor(signal: SimQpsk, rateHz: number, seed: number, ordinal: number) {
    this.#offsetHz = signal.offsetHz;
    this.#rateHz = rateHz;
    this.#step = phaseOf(signal.offsetHz / rateHz);
    this.#samplesPerSymbol = signal.samplesPerSymbol ?? SAMPLES_PER_SYMBOL;
    this.#key = seedKey(seed, ordinal === 0 ? FIRST_KEY : FURTHER_KEYS + ordinal);
    // Half of the power is in I, half in Q.
    this.#shaped = shapedPatterns(amplitude(signal.powerDbfs) * Math.SQRT1_2, this.#samplesPerSymbol);
  }

  add(samples: Float32Array, run: ShiftedRun): void {
    if (isOutside(this.#offsetHz + run.shiftHz, this.#rateHz)) return;
    const perSymbol = this.#samplesPerSymbol;
    const key = this.#key;
    const step = (this.#step + run.step) | 0;
    let at = (phaseAt(run.sampleIndex, this.#step) + run.phase) | 0;
    const isMixed = step !== 0 || at !== 0;
    const into = run.sampleIndex % perSymbol;
    let symbol = (run.sampleIndex - into) / perSymbol;
    // The symbols whose pulses overlap now, a bit each, the newest lowest.
    let re = 0;
    let im = 0;
    for (let number = symbol - PULSE_SYMBOLS + 1; number < symbol; number++) {
      const bits = symbolBits(number, key);
      re = (re << 1) | (bits & 1);
      im = (im << 1) | ((bits >>> 1) & 1);
    }
    let end = Math.min(run.end, run.from + 2 * (perSymbol - into));
    for (let from = run.from; from < run.end; from = end, end = Math.min(run.end, end + 2 * perSymbol)) {
      const bits = symbolBits(symbol++, key);
      re = ((re << 1) | (bits & 1)) & (PATTERNS - 1);
      im = ((im << 1) | ((bits >>> 1) & 1)) & (PATTERNS - 1);
      const skip = from === run.from ? into : 0;
      if (isMixed) {
        addMixed(samples, from, end, this.#shaped, re * perSymbol + skip, im * perSymbol + skip, at, step);
        at = (at + Math.imul((end - from) / 2, step)) | 0;
      } else addPlain(samples, from, end, this.#shaped, re * perSymbol + skip, im * perSymbol + skip);
    }
  }
}

/** Two random bits of a symbol. Counted from PULSE_SYMBOLS, so that those before sample 0 have counters too. */
function symbolBits(symbol: number, key: number): number {
  return counterHash(symbol + PULSE_SYMBOLS, key);
}

/** Adds the samples of one symbol, or what of it lies in the block. */
function addPlain(
  samples: Float32Array,
  from: number,
  end: number,
  shaped: Float32Array,
  re: number,
  im: number,
): void {
  for (let i = from, n = 0; i < end; i += 2, n++) {
    samples[i] = (samples[i] ?? 0) + (shaped[re + n] ?? 0);
    samples[i + 1] = (samples[i + 1] ?? 0) + (shaped[im + n] ?? 0);
  }
}

/** The same, moved in frequency. */
function addMixed(
  samples: Float32Array,
  from: number,
  end: number,
  shaped: Float32Array,
  re: number,
  im: number,
  phase: number,
  step: number,
): void {
  let at = phase;
  for (let i = from, n = 0; i < end; i += 2, n++) {
    const x = shaped[re + n] ?? 0;
    const y = shaped[im + n] ?? 0;
    const c = cosine(at);
    const s = sine(at);
    samples[i] = (samples[i] ?? 0) + x * c - y * s;
    samples[i + 1] = (samples[i + 1] ?? 0) + x * s + y * c;
    at = (at + step) | 0;
  }
}

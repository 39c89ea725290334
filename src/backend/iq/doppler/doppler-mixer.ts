import { bytesPerSample, convertSamples, type Datatype } from '../formats.ts';
import type { DopplerTrack, Stretch } from './doppler-track.ts';

// Bound once: in hot loops a global is looked up anew each time (inside a vm context, slowly).
const { cos, min, sin } = Math;
const TURN = 2 * Math.PI;

/** Samples for which one phase is worked out exactly: what the phasors between are off stays below 1e-9 turns. */
const EXACT_EVERY = 1024;

/** Samples that were corrected. */
export interface Corrected {
  /** The same bytes where there is no shift, else good until the next call. */
  readonly bytes: Uint8Array;
  /** Numbers (I or Q) that were saturated: turned into one axis, a sample in a corner of the square is too long for it. */
  readonly saturatedValues: number;
}

/**
 * Mixes blocks of any datatype with the negative of a Doppler shift. Integers go through floats and back, rounded and
 * saturated as every conversion is.
 */
export class DopplerMixer {
  readonly #datatype: Datatype;
  readonly #track: DopplerTrack;
  #floats = new Uint8Array(0);
  #mixed = new Uint8Array(0);

  constructor(datatype: Datatype, track: DopplerTrack) {
    this.#datatype = datatype;
    this.#track = track;
  }

  correct(sampleIndex: number, bytes: Uint8Array): Corrected {
    const samples = bytes.length / bytesPerSample(this.#datatype);
    if (isStill(this.#track.stretchAt(sampleIndex, samples), samples)) return { bytes, saturatedValues: 0 };
    if (this.#floats.length < samples * 8) {
      this.#floats = new Uint8Array(samples * 8);
      this.#mixed = new Uint8Array(samples * 8);
    }
    const floats = this.#floats.subarray(0, samples * 8);
    convertSamples(this.#datatype, 'cf32_le', bytes, floats);
    this.#mix(sampleIndex, new Float32Array(floats.buffer, 0, samples * 2));
    if (this.#datatype === 'cf32_le') return { bytes: floats, saturatedValues: 0 };
    const mixed = this.#mixed.subarray(0, bytes.length);
    const saturatedValues = convertSamples('cf32_le', this.#datatype, floats, mixed);
    return { bytes: mixed, saturatedValues };
  }

  /** Mixes interleaved samples with the negative of the shift, in place. */
  #mix(sampleIndex: number, samples: Float32Array): void {
    const count = samples.length / 2;
    for (let done = 0; done < count; ) {
      const stretch = this.#track.stretchAt(sampleIndex + done, min(EXACT_EVERY, count - done));
      if (stretch === undefined) return;
      turn(stretch, samples.subarray(2 * done, 2 * (done + stretch.count)));
      done += stretch.count;
    }
  }
}

const isStill = (stretch: Stretch | undefined, samples: number): boolean =>
  stretch === undefined ||
  (stretch.shiftHz === 0 && stretch.rateHzPerS === 0 && stretch.cycles === 0 && stretch.count === samples);

/**
 * Turns samples back by a phase that goes on evenly or ever faster: one phasor times another for each sample, and that one
 * times a third, in place of a sine and a cosine each.
 */
function turn({ shiftHz, rateHzPerS, sampleRateHz, cycles }: Stretch, samples: Float32Array): void {
  const faster = rateHzPerS / sampleRateHz ** 2;
  const step = shiftHz / sampleRateHz + faster / 2;
  let c = cos(-TURN * cycles);
  let s = sin(-TURN * cycles);
  let stepC = cos(-TURN * step);
  let stepS = sin(-TURN * step);
  const fasterC = cos(-TURN * faster);
  const fasterS = sin(-TURN * faster);
  for (let i = 0; i < samples.length; i += 2) {
    const re = samples[i] ?? 0;
    const im = samples[i + 1] ?? 0;
    samples[i] = re * c - im * s;
    samples[i + 1] = re * s + im * c;
    const nextC = c * stepC - s * stepS;
    s = c * stepS + s * stepC;
    c = nextC;
    const nextStepC = stepC * fasterC - stepS * fasterS;
    stepS = stepC * fasterS + stepS * fasterC;
    stepC = nextStepC;
  }
}

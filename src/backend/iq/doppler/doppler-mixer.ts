import { bytesPerSample, convertSamples, type Datatype } from '../formats.ts';
import type { DopplerTrack } from './doppler-track.ts';

/** Samples that were corrected. */
export interface Corrected {
  /** The same bytes where no shift was ever set, else good until the next call. */
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
    if (this.#track.isIdle) return { bytes, saturatedValues: 0 };
    const samples = bytes.length / bytesPerSample(this.#datatype);
    if (this.#floats.length < samples * 8) {
      this.#floats = new Uint8Array(samples * 8);
      this.#mixed = new Uint8Array(samples * 8);
    }
    const floats = this.#floats.subarray(0, samples * 8);
    convertSamples(this.#datatype, 'cf32_le', bytes, floats);
    this.#track.correct(sampleIndex, new Float32Array(floats.buffer, 0, samples * 2));
    if (this.#datatype === 'cf32_le') return { bytes: floats, saturatedValues: 0 };
    const mixed = this.#mixed.subarray(0, bytes.length);
    const saturatedValues = convertSamples('cf32_le', this.#datatype, floats, mixed);
    return { bytes: mixed, saturatedValues };
  }
}

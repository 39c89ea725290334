import type { DopplerTrack } from './doppler-track.ts';
import { bytesPerSample, convertSamples, type Datatype } from './formats.ts';

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

  /** The corrected samples: the same bytes where no shift was ever set, else good until the next call. */
  correct(sampleIndex: number, bytes: Uint8Array): Uint8Array {
    if (this.#track.isIdle) return bytes;
    const samples = bytes.length / bytesPerSample(this.#datatype);
    if (this.#floats.length < samples * 8) {
      this.#floats = new Uint8Array(samples * 8);
      this.#mixed = new Uint8Array(samples * 8);
    }
    const floats = this.#floats.subarray(0, samples * 8);
    convertSamples(this.#datatype, 'cf32_le', bytes, floats);
    this.#track.correct(sampleIndex, new Float32Array(floats.buffer, 0, samples * 2));
    if (this.#datatype === 'cf32_le') return floats;
    const mixed = this.#mixed.subarray(0, bytes.length);
    convertSamples('cf32_le', this.#datatype, floats, mixed);
    return mixed;
  }
}

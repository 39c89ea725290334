import { bytesPerSample, type Datatype } from './formats.ts';

/** Where samples are laid that do not begin at a multiple of the size of an I; in a message they begin anywhere. */
export class AlignedPlace {
  readonly #multiple: number;
  #bytes = new Uint8Array();

  constructor(datatype: Datatype) {
    this.#multiple = bytesPerSample(datatype) / 2;
  }

  /** The bytes as they are where they begin well, else a copy, good until the next is laid here. */
  lay(bytes: Uint8Array): Uint8Array {
    if (bytes.byteOffset % this.#multiple === 0) return bytes;
    if (this.#bytes.length < bytes.length) this.#bytes = new Uint8Array(bytes.length);
    const laid = this.#bytes.subarray(0, bytes.length);
    laid.set(bytes);
    return laid;
  }
}

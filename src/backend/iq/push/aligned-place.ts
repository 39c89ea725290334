/** Where samples are copied to, so that they begin at a multiple of 8; in a message they begin anywhere. */
export class AlignedPlace {
  #bytes = new Uint8Array();

  /** A copy of the bytes, good until the next is laid here. */
  lay(bytes: Uint8Array): Uint8Array {
    if (this.#bytes.length < bytes.length) this.#bytes = new Uint8Array(bytes.length);
    const laid = this.#bytes.subarray(0, bytes.length);
    laid.set(bytes);
    return laid;
  }
}

/** First value that is no finite number, counted from 0; undefined when all are. */
export function firstNotFinite(values: Float32Array): number | undefined {
  // Zero times a finite number is zero; four sums, since one would wait for itself.
  let [a, b, c, d] = [0, 0, 0, 0];
  const { length } = values;
  for (let i = 0; i + 3 < length; i += 4) {
    a += (values[i] ?? 0) * 0;
    b += (values[i + 1] ?? 0) * 0;
    c += (values[i + 2] ?? 0) * 0;
    d += (values[i + 3] ?? 0) * 0;
  }
  for (let i = length - (length % 4); i < length; i++) a += (values[i] ?? 0) * 0;
  if (a + b + c + d === 0) return undefined;
  return values.findIndex((value) => !Number.isFinite(value));
}

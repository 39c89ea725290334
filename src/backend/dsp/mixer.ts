/** Samples for which one phasor is worked out exactly; those between are turned by a table. */
const BLOCK = 1024;

/** Fractions of a hertz that an offset and a sample rate are held in: 2^-20 Hz, about a millionth. */
const HZ_STEPS = 2 ** 20;

/**
 * Moves a frequency to zero. The phase of every sample is a function of its index alone, worked out in whole numbers: it
 * never drifts, and whoever computes a sample again gets the same bits.
 */
export class Mixer {
  readonly #offsetSteps: bigint;
  readonly #rateSteps: bigint;
  /** cos and -sin of the phase that has been gone through since the beginning of a block. */
  readonly #turns = new Float64Array(2 * BLOCK);

  constructor(offsetHz: number, sampleRateHz: number) {
    this.#offsetSteps = BigInt(Math.round(offsetHz * HZ_STEPS));
    this.#rateSteps = BigInt(Math.round(sampleRateHz * HZ_STEPS));
    for (let k = 0; k < BLOCK; k++) {
      const angle = this.#angleAt(k);
      this.#turns[2 * k] = Math.cos(angle);
      this.#turns[2 * k + 1] = Math.sin(angle);
    }
  }

  /** Writes `count` mixed samples to `target` from the number `at` on; both hold interleaved samples. */
  mix(sampleIndex: number, source: Float32Array, count: number, target: Float64Array, at: number): void {
    for (let done = 0; done < count; ) {
      const index = sampleIndex + done;
      const within = index % BLOCK;
      const piece = Math.min(BLOCK - within, count - done);
      this.#mixWithinBlock(this.#angleAt(index - within), within, source, done, target, at + 2 * done, piece);
      done += piece;
    }
  }

  #mixWithinBlock(
    angle: number,
    within: number,
    source: Float32Array,
    from: number,
    target: Float64Array,
    at: number,
    count: number,
  ): void {
    const turns = this.#turns;
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    for (let i = 0; i < 2 * count; i += 2) {
      const tc = turns[2 * within + i] ?? 0;
      const ts = turns[2 * within + i + 1] ?? 0;
      const turnRe = tc * c - ts * s;
      const turnIm = tc * s + ts * c;
      const re = source[2 * from + i] ?? 0;
      const im = source[2 * from + i + 1] ?? 0;
      target[at + i] = re * turnRe - im * turnIm;
      target[at + i + 1] = re * turnIm + im * turnRe;
    }
  }

  /** Phase of the mixing oscillator at a sample, radians. */
  #angleAt(sampleIndex: number): number {
    const steps = (BigInt(sampleIndex) * this.#offsetSteps) % this.#rateSteps;
    return (-2 * Math.PI * Number(steps)) / Number(this.#rateSteps);
  }
}

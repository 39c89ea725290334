import type { DecimationStage } from './decimation-plan.ts';

/**
 * A linear-phase filter that keeps one of `decimation` samples. Output m stands for input m * decimation: the filter's
 * delay is compensated, and an output comes when the last input that goes into it has come. Each is a function of the
 * samples around it alone, whatever pieces they came in.
 */
export class FirStage {
  readonly #decimation: number;
  readonly #taps: Float64Array;
  readonly #reach: number;
  readonly #isHalfBand: boolean;
  /** Interleaved input from number #first on, of which #count samples are held. */
  #held = new Float64Array(0);
  #first = 0;
  #count = 0;
  /** The output that comes next. */
  #next = 0;

  constructor({ decimation, taps }: DecimationStage) {
    this.#decimation = decimation;
    this.#taps = taps;
    this.#reach = (taps.length - 1) / 2;
    this.#isHalfBand = decimation === 2;
  }

  /** Number of the output that comes next. */
  get nextOutput(): number {
    return this.#next;
  }

  /** Forgets what came; the next input has this number. Outputs that would need what lies before it are left out. */
  restart(inputIndex: number): void {
    this.#first = inputIndex;
    this.#count = 0;
    this.#next = Math.ceil((inputIndex + this.#reach) / this.#decimation);
  }

  /** Where `count` further input samples are to be written, as interleaved numbers from the one returned on. */
  room(count: number): { readonly held: Float64Array; readonly at: number } {
    const needed = 2 * (this.#count + count);
    if (this.#held.length < needed) {
      const larger = new Float64Array(2 * needed);
      larger.set(this.#held.subarray(0, 2 * this.#count));
      this.#held = larger;
    }
    return { held: this.#held, at: 2 * this.#count };
  }

  /** Outputs that can be made once `count` further inputs are there. */
  outputsAfter(count: number): number {
    const end = this.#first + this.#count + count;
    return Math.max(0, Math.floor((end - 1 - this.#reach) / this.#decimation) + 1 - this.#next);
  }

  /** Takes the `count` inputs that were written to `room`, and writes what outputs they make. */
  advance(count: number, target: Float64Array | Float32Array, at: number): number {
    const outputs = this.outputsAfter(count);
    this.#count += count;
    const from = 2 * (this.#next * this.#decimation - this.#reach - this.#first);
    if (this.#isHalfBand) filterHalfBand(this.#held, from, this.#taps, target, at, outputs);
    else filter(this.#held, from, this.#taps, this.#decimation, target, at, outputs);
    this.#next += outputs;
    this.#dropUsed();
    return outputs;
  }

  #dropUsed(): void {
    const oldest = this.#next * this.#decimation - this.#reach;
    const unused = Math.min(oldest - this.#first, this.#count);
    if (unused <= 0) return;
    this.#held.copyWithin(0, 2 * unused, 2 * this.#count);
    this.#first += unused;
    this.#count -= unused;
  }
}

type Numbers = Float64Array | Float32Array;

/**
 * The taps are symmetrical, so that samples at equal distance of the middle are added before they are multiplied. Two sums
 * each for I and Q are kept, for a processor that waits for one addition before the next does half as many.
 */
function filter(
  input: Float64Array,
  from: number,
  taps: Float64Array,
  decimation: number,
  target: Numbers,
  at: number,
  outputs: number,
): void {
  const reach = (taps.length - 1) / 2;
  const pairs = reach - (reach % 2);
  const middleTap = taps[reach] ?? 0;
  const firstTap = taps[0] ?? 0;
  for (let m = 0; m < outputs; m++) {
    const start = from + 2 * decimation * m;
    const middle = start + 2 * reach;
    const end = middle + 2 * reach;
    let re = middleTap * (input[middle] ?? 0);
    let im = middleTap * (input[middle + 1] ?? 0);
    if (pairs !== reach) {
      re += firstTap * ((input[start] ?? 0) + (input[end] ?? 0));
      im += firstTap * ((input[start + 1] ?? 0) + (input[end + 1] ?? 0));
    }
    let re2 = 0;
    let im2 = 0;
    let a = start + 2 * (reach - pairs);
    let b = end - 2 * (reach - pairs);
    for (let k = reach - pairs; k < reach; k += 2) {
      const tap = taps[k] ?? 0;
      const tap2 = taps[k + 1] ?? 0;
      re += tap * ((input[a] ?? 0) + (input[b] ?? 0));
      im += tap * ((input[a + 1] ?? 0) + (input[b + 1] ?? 0));
      re2 += tap2 * ((input[a + 2] ?? 0) + (input[b - 2] ?? 0));
      im2 += tap2 * ((input[a + 3] ?? 0) + (input[b - 1] ?? 0));
      a += 4;
      b -= 4;
    }
    target[at + 2 * m] = re + re2;
    target[at + 2 * m + 1] = im + im2;
  }
}

/** Of a half-band filter every other tap is zero but the middle one: those at an odd distance of it are left. */
function filterHalfBand(
  input: Float64Array,
  from: number,
  taps: Float64Array,
  target: Numbers,
  at: number,
  outputs: number,
): void {
  const reach = (taps.length - 1) / 2;
  const middleTap = taps[reach] ?? 0;
  for (let m = 0; m < outputs; m++) {
    const middle = from + 4 * m + 2 * reach;
    let re = middleTap * (input[middle] ?? 0);
    let im = middleTap * (input[middle + 1] ?? 0);
    let a = middle - 2;
    let b = middle + 2;
    for (let k = reach - 1; k >= 0; k -= 2) {
      const tap = taps[k] ?? 0;
      re += tap * ((input[a] ?? 0) + (input[b] ?? 0));
      im += tap * ((input[a + 1] ?? 0) + (input[b + 1] ?? 0));
      a -= 4;
      b += 4;
    }
    target[at + 2 * m] = re;
    target[at + 2 * m + 1] = im;
  }
}

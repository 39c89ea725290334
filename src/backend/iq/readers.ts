import { PassbandError } from '../../errors.ts';
import type { EndReason, Tap } from './frames/frame-origin.ts';

/** Readers and spectra of one station, or of one part of its band, at a time; each costs some KiB and its share of the network. */
export const MAX_TAPS = 1024;
/** How many of them one holder of a certificate may have: half, so that none keeps all others out. */
export const MAX_TAPS_PER_HOLDER = 512;

/** Those who follow one origin of samples: within bounds for all of them together and for each holder of a certificate. */
export class Readers {
  readonly #of: string;
  readonly #taps = new Set<Tap>();

  /** @param of what they read, as the subject of a sentence: `the station`. */
  constructor(of: string) {
    this.#of = of;
  }

  /** Nobody follows. */
  get areNone(): boolean {
    return this.#taps.size === 0;
  }

  /** How many read: a tap may stand for several, or for none. */
  get count(): number {
    let readers = 0;
    for (const tap of this.#taps) readers += tap.readerCount?.() ?? 1;
    return readers;
  }

  /** How far those have come who tell it. */
  progress(): { readonly slowest: number; readonly isAnyWaiting: boolean } {
    let slowest = Number.POSITIVE_INFINITY;
    let isAnyWaiting = false;
    for (const tap of this.#taps) {
      const progress = tap.progress?.();
      if (progress === undefined) continue;
      slowest = Math.min(slowest, progress.position);
      isAnyWaiting ||= progress.isWaiting;
    }
    return { slowest, isAnyWaiting };
  }

  /** @throws PassbandError RESOURCE_EXHAUSTED where there is no room for one more, or none for one more of its holder. */
  requireRoom({ holder }: Tap): void {
    if (this.#taps.size >= MAX_TAPS) {
      throw new PassbandError('RESOURCE_EXHAUSTED', `${this.#of} has ${MAX_TAPS} readers already; try again later`);
    }
    if (holder === undefined) return;
    let held = 0;
    for (const tap of this.#taps) if (tap.holder === holder) held++;
    if (held < MAX_TAPS_PER_HOLDER) return;
    throw new PassbandError(
      'RESOURCE_EXHAUSTED',
      `${this.#of} has ${MAX_TAPS_PER_HOLDER} readers of this certificate's holder, and no more for one; end some of them first`,
    );
  }

  /** To be asked for room before. */
  add(tap: Tap): void {
    this.#taps.add(tap);
  }

  /** False for one that had left, or was ended, before. */
  remove(tap: Tap): boolean {
    return this.#taps.delete(tap);
  }

  /** Samples have come. A tap that cannot take them ends, and no other does. */
  wake(): void {
    for (const tap of [...this.#taps]) {
      try {
        tap.onSamples();
      } catch (error) {
        if (this.remove(tap)) tap.onEnd(PassbandError.from(error));
      }
    }
  }

  /** Ends them all. */
  end(reason: EndReason): void {
    const taps = [...this.#taps];
    this.#taps.clear();
    for (const tap of taps) tap.onEnd(reason);
  }
}

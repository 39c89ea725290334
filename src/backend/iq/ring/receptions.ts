import type { Reception } from '../sources/source.ts';

/** Changes of reception that are remembered, so that replayed frames report the one of their time. */
const MAX_REMEMBERED = 1024;

/** How a station's samples were received, by sample index. */
export class Receptions {
  readonly #changes: { readonly fromIndex: number; readonly reception: Reception }[] = [];

  /** What holds from a sample on; indices never go back from call to call. */
  set(fromIndex: number, reception: Reception): void {
    const latest = this.#changes.at(-1)?.reception;
    if (latest === reception) return;
    this.#changes.push({ fromIndex, reception });
    if (this.#changes.length > MAX_REMEMBERED) this.#changes.shift();
  }

  /** What holds at a sample; empty where nothing is known. */
  at(sampleIndex: number): Reception {
    return this.#changes.findLast(({ fromIndex }) => fromIndex <= sampleIndex)?.reception ?? {};
  }
}

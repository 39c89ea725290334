/** A memory of bounded size: beyond it, what was used longest ago is forgotten. */
export class LatestUsed<Key, Value> {
  readonly #max: number;
  // A Map goes by when a key was set: set anew at each use, its first is the one that was used longest ago.
  readonly #entries = new Map<Key, Value>();

  /** @param max entries that are remembered. */
  constructor(max: number) {
    this.#max = max;
  }

  /** What is remembered of a key, which counts as its use. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [first] = this.#entries.keys();
    if (this.#entries.size > this.#max && first !== undefined) this.#entries.delete(first);
  }
}

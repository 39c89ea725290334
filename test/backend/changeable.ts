import type { Reloadable } from '../../src/trust/reloadable.ts';

/** A value that a test replaces, as if its files had changed. */
export class Changeable<T> implements Reloadable<T> {
  readonly #listeners = new Set<(now: T, before: T) => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  current(): T {
    return this.#value;
  }

  /** How many listen to changes. */
  get listeners(): number {
    return this.#listeners.size;
  }

  onChange(listener: (now: T, before: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(value: T): void {
    const before = this.#value;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value, before);
  }

  async reload(): Promise<boolean> {
    return true;
  }

  close(): void {
    this.#listeners.clear();
  }
}

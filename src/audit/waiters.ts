/** Those who wait for a count to be reached. */
export class Waiters {
  #waiting: { readonly count: number; readonly done: () => void; readonly fail: (error: Error) => void }[] = [];

  /** Resolves when the count is reached; to be called with counts that never fall. */
  until(count: number): Promise<void> {
    return new Promise((done, fail) => this.#waiting.push({ count, done, fail }));
  }

  /** Lets those go on whose count is reached. */
  reached(count: number): void {
    const first = this.#waiting.findIndex((waiter) => waiter.count > count);
    const done = first === -1 ? this.#waiting.splice(0) : this.#waiting.splice(0, first);
    for (const waiter of done) waiter.done();
  }

  /** Fails all. */
  fail(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.fail(error);
  }
}

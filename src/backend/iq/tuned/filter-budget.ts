/** A filter that counts against a budget. */
export interface BudgetedFilter {
  /** Real multiplications per second. */
  readonly cost: number;
  /** Nobody reads from it. */
  readonly isIdle: boolean;
  /** Ends it, since others need its place. */
  release(): void;
}

/** What the filters of all stations cost together: they run one after the other, on one thread. */
export class FilterBudget {
  readonly #mostCost: number;
  readonly #filters = new Set<BudgetedFilter>();

  /** @param mostCost real multiplications per second. */
  constructor(mostCost: number) {
    this.#mostCost = mostCost;
  }

  /** Makes room for a filter: those that nobody reads go first, the oldest before others. False, and none goes, if that is not enough. */
  makeRoom(cost: number): boolean {
    const busy = [...this.#filters].filter(({ isIdle }) => !isIdle);
    if (sumOf(busy) + cost > this.#mostCost) return false;
    for (const filter of [...this.#filters]) {
      if (sumOf(this.#filters) + cost <= this.#mostCost) break;
      if (filter.isIdle) filter.release();
    }
    return true;
  }

  /** A filter has begun; gives what to call when it has ended. */
  add(filter: BudgetedFilter): () => void {
    this.#filters.add(filter);
    return () => this.#filters.delete(filter);
  }
}

function sumOf(filters: Iterable<BudgetedFilter>): number {
  let sum = 0;
  for (const { cost } of filters) sum += cost;
  return sum;
}

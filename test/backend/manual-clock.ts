import type { Clock } from '../../src/backend/clock.ts';

interface Timer {
  dueMs: number;
  readonly intervalMs: number | undefined;
  readonly run: () => void;
}

/** Milliseconds that pass between two looks whether something has come. */
const STEP_MS = 10;

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  /** Wall time at the beginning: 2026-01-01T00:00:00Z. */
  static readonly START_NS = 1_767_225_600_000_000_000n;
  readonly #timers = new Set<Timer>();
  #nowMs = 0;
  #setByMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  wallNs(): bigint {
    return ManualClock.START_NS + BigInt(Math.round((this.#nowMs + this.#setByMs) * 1e6));
  }

  /** Sets the time of day forward, or back; the steady time goes on. */
  set(byMs: number): void {
    this.#setByMs += byMs;
  }

  every(intervalMs: number, run: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + intervalMs, intervalMs, run });
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + delayMs, intervalMs: undefined, run });
  }

  /** Timers that are armed. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Time passes as it does on an idle machine: each timer runs when it is due. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#fire(next);
    }
    this.#nowMs = endMs;
  }

  /** Time passes, in small steps, until a promise is settled. */
  async advanceUntil<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = promise.finally(() => {
      settled = true;
    });
    end.catch(() => undefined);
    while (!settled) {
      this.advance(STEP_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return end;
  }

  /** Time passes while the process is held up: afterwards each timer that was due runs once. */
  stall(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#timers]) if (timer.dueMs <= this.#nowMs) this.#fire(timer);
  }

  #fire(timer: Timer): void {
    if (timer.intervalMs === undefined) this.#timers.delete(timer);
    else timer.dueMs = this.#nowMs + timer.intervalMs;
    timer.run();
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

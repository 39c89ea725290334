/** The time of day, a steady time and timers: what a test replaces to make time its own. */
export interface Clock {
  /** Milliseconds of a clock that only ever goes forward, with a fraction. Its zero means nothing. */
  nowMs(): number;
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  wallNs(): bigint;
  /** Calls `run` about every `intervalMs` until the returned function is called. */
  every(intervalMs: number, run: () => void): () => void;
  /** Calls `run` once after `delayMs` unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void;
}

const NS_PER_MS = 1_000_000n;

/** The machine's own clocks. Its timers never keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  // Whole milliseconds; performance.timeOrigin would add digits but not follow a corrected clock.
  wallNs: () => BigInt(Date.now()) * NS_PER_MS,
  every: (intervalMs, run) => {
    const timer = setInterval(run, intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

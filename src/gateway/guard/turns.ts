import { Pace } from './pace.ts';

/** A clock that runs forward, and a way to be woken. */
export interface TurnClock {
  nowMs(): number;
  /** Calls back after a time; the function that is returned prevents it. */
  after(ms: number, wake: () => void): () => void;
}

/** Milliseconds that are slept at a time: a timer takes some 24 days at most, and calls back at once for more. */
const MAX_SLEEP_MS = 60_000;

const systemClock: TurnClock = {
  nowMs: () => performance.now(),
  after: (ms, wake) => {
    const timer = setTimeout(wake, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Streams that share one pace: those that have to wait send in turn, a message each, so that none starves another. */
export class Turns {
  private readonly pace: Pace;
  private readonly clock: TurnClock;
  private readonly waiting = new Set<() => void>();
  private disarm: (() => void) | undefined;

  constructor(bytesPerSecond: number, clock = systemClock) {
    this.clock = clock;
    this.pace = new Pace(bytesPerSecond, clock.nowMs());
  }

  /** Whether a message may go now, without having waited. */
  mayGo(): boolean {
    return this.waiting.size === 0 && this.waitMs() === 0;
  }

  /** Milliseconds until something may go, whoever sends it. */
  waitMs(): number {
    return this.pace.waitMs(this.clock.nowMs());
  }

  /** Notes bytes that have gone. */
  spend(bytes: number): void {
    this.pace.spend(bytes, this.clock.nowMs());
  }

  /** Calls back when it is one's turn to send one message; the function that is returned gives the turn up. */
  wait(turn: () => void): () => void {
    const entry = (): void => turn();
    this.waiting.add(entry);
    this.arm();
    return () => this.waiting.delete(entry);
  }

  /** True when nobody waits and nothing has gone for a while: a new one would be the same. */
  isIdle(): boolean {
    return this.waiting.size === 0 && this.pace.isFull(this.clock.nowMs());
  }

  private arm(): void {
    this.disarm ??= this.clock.after(Math.min(this.waitMs(), MAX_SLEEP_MS), () => {
      this.disarm = undefined;
      this.serve();
    });
  }

  private serve(): void {
    // Those who ask again while they are served come after those who wait already; each pass ends with who was there.
    for (const turn of [...this.waiting]) {
      if (this.waitMs() > 0) break;
      if (this.waiting.delete(turn)) turn();
    }
    if (this.waiting.size > 0) this.arm();
  }
}

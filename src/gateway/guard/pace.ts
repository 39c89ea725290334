/**
 * A rate of bytes, as a token bucket: a second's worth may go at once, and what goes beyond is owed. Whoever finds nothing
 * owed may send one message, however large, so that one of more than a second's worth passes as well; in the long run no
 * more than the rate goes. Pure over the time that it is told, milliseconds of any clock that runs forward.
 */
export class Pace {
  readonly bytesPerSecond: number;
  private balance: number;
  private atMs: number;

  constructor(bytesPerSecond: number, nowMs: number) {
    this.bytesPerSecond = bytesPerSecond;
    this.balance = bytesPerSecond;
    this.atMs = nowMs;
  }

  /** Notes bytes that have gone. */
  spend(bytes: number, nowMs: number): void {
    this.refill(nowMs);
    this.balance -= bytes;
  }

  /** Milliseconds until something may go; 0 when it may now. */
  waitMs(nowMs: number): number {
    this.refill(nowMs);
    return this.balance > 0 ? 0 : Math.floor((-this.balance * 1000) / this.bytesPerSecond) + 1;
  }

  /** Whether nothing has gone for so long that all of it might as well be forgotten. */
  isFull(nowMs: number): boolean {
    this.refill(nowMs);
    return this.balance >= this.bytesPerSecond;
  }

  private refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.atMs);
    this.balance = Math.min(this.bytesPerSecond, this.balance + (elapsedMs * this.bytesPerSecond) / 1000);
    this.atMs = Math.max(this.atMs, nowMs);
  }
}

/** Counts the open connections of each holder of a certificate. Entries live as long as a connection does. */
export class ConnectionCount {
  private readonly open = new Map<string, number>();
  private readonly max: number;

  constructor(max: number) {
    this.max = max;
  }

  /** Takes a place; false when the holder has all of its places. */
  take(holder: string): boolean {
    const count = this.open.get(holder) ?? 0;
    if (count >= this.max) return false;
    this.open.set(holder, count + 1);
    return true;
  }

  /** Gives a place back. */
  release(holder: string): void {
    const count = (this.open.get(holder) ?? 0) - 1;
    if (count > 0) this.open.set(holder, count);
    else this.open.delete(holder);
  }
}

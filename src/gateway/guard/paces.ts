import { PassbandError } from '../../errors.ts';
import type { Identity } from './identity.ts';
import type { Allowance } from './policy.ts';
import { Turns } from './turns.ts';

/**
 * Paces that are kept before those are looked for that nothing depends on any more. Callers under one entry may be many, and
 * each has a pace of its own; a few hundred bytes each.
 */
const MAX_PACES_UNSWEPT = 1024;

/** Keeps the pace of each caller and entry. */
export class Paces {
  private readonly paces = new Map<string, Turns>();
  private sweepAt = MAX_PACES_UNSWEPT;

  /** The pace at which a caller may be sent bytes under an entry, shared by all of its streams; undefined without a limit. */
  of(identity: Identity, { entry, limits }: Allowance): Turns | undefined {
    const { bytesPerSecond } = limits;
    if (bytesPerSecond === undefined) return undefined;
    const key = `${bytesPerSecond} ${identity.cn.length} ${identity.cn} ${entry}`;
    const known = this.paces.get(key);
    if (known !== undefined) return known;
    if (this.paces.size >= this.sweepAt) this.sweep();
    const made = new Turns(bytesPerSecond);
    this.paces.set(key, made);
    return made;
  }

  /**
   * To be asked before a call that is answered at once and not as a stream.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED with Retry-After while the caller has had more bytes than its rate.
   */
  require(identity: Identity, allowance: Allowance): void {
    const waitMs = this.of(identity, allowance)?.waitMs() ?? 0;
    if (waitMs === 0) return;
    throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${allowance.limits.bytesPerSecond} bytes a second`, {
      headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
    });
  }

  get size(): number {
    return this.paces.size;
  }

  /** Lets go of paces that are as good as new. */
  private sweep(): void {
    for (const [key, turns] of this.paces) if (turns.isIdle()) this.paces.delete(key);
    this.sweepAt = Math.max(MAX_PACES_UNSWEPT, 2 * this.paces.size);
  }
}

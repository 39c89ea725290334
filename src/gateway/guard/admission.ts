import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { PassbandError } from '../../errors.ts';
import type { Identity } from './identity.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import type { Limits } from './policy.ts';
import { Turns } from './turns.ts';

/** Seconds of a rate limit's window. */
const WINDOW_SECONDS = 60;

/**
 * Paces that are kept before those are looked for that nothing depends on any more. Callers under one rule may be many, and
 * each has a pace of its own; a few hundred bytes each.
 */
const MAX_PACES_UNSWEPT = 1024;

/** Holds callers to the limits of what allows them: each caller has its own share of a rule. */
export class Admission {
  private readonly limiters = new Map<string, RateLimiterMemory>();
  private readonly paces = new Map<string, Turns>();
  private sweepAt = MAX_PACES_UNSWEPT;
  private readonly live: LiveStreams;

  constructor(live: LiveStreams) {
    this.live = live;
  }

  /** @throws PassbandError RESOURCE_EXHAUSTED with Retry-After when the caller has had its requests of this minute. */
  async request(identity: Identity, rule: string, { requestsPerMinute: points }: Limits): Promise<void> {
    if (points === undefined) return;
    try {
      await this.limiter(rule, points).consume(identity.cn);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${points} requests a minute`, {
        headers: { 'retry-after': String(Math.ceil(refused.msBeforeNext / 1000)) },
      });
    }
  }

  /**
   * Takes a place for a stream, at once, so that streams that begin at the same time cannot share one. The function that
   * is returned gives the place back.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open.
   */
  stream(stream: LiveStream, { concurrentStreams: most }: Limits): () => void {
    if (most !== undefined && this.live.count(stream.identity.cn, stream.rule) >= most) {
      throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${most} streams at one time`);
    }
    return this.live.add(stream);
  }

  /** The pace at which a caller may be sent bytes under a rule, shared by all of its streams; undefined without a limit. */
  pace(identity: Identity, rule: string, { bytesPerSecond }: Limits): Turns | undefined {
    if (bytesPerSecond === undefined) return undefined;
    const key = `${bytesPerSecond} ${identity.cn.length} ${identity.cn} ${rule}`;
    const known = this.paces.get(key);
    if (known !== undefined) return known;
    if (this.paces.size >= this.sweepAt) this.sweepPaces();
    const made = new Turns(bytesPerSecond);
    this.paces.set(key, made);
    return made;
  }

  /**
   * To be asked before a call that is answered at once and not as a stream.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED with Retry-After while the caller has had more bytes than its rate.
   */
  requireBytes(identity: Identity, rule: string, limits: Limits): void {
    const waitMs = this.pace(identity, rule, limits)?.waitMs() ?? 0;
    if (waitMs === 0) return;
    throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${limits.bytesPerSecond} bytes a second`, {
      headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
    });
  }

  /** Lets go of paces that are as good as new. */
  private sweepPaces(): void {
    for (const [key, turns] of this.paces) if (turns.isIdle()) this.paces.delete(key);
    this.sweepAt = Math.max(MAX_PACES_UNSWEPT, 2 * this.paces.size);
  }

  /** One limiter for each distinct limit of a rule: as many as the policy has entries. */
  private limiter(rule: string, points: number): RateLimiterMemory {
    const key = `${points} ${rule}`;
    const known = this.limiters.get(key) ?? new RateLimiterMemory({ points, duration: WINDOW_SECONDS });
    this.limiters.set(key, known);
    return known;
  }
}

import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { PassbandError } from '../../errors.ts';
import type { Identity } from './identity.ts';
import type { Allowance } from './policy.ts';

/** Seconds of a rate limit's window. */
const WINDOW_SECONDS = 60;

/** Rates that are counted before all are forgotten: as many as policies have entries, also after many changes of policy. */
const MAX_RATES = 4096;

/** Counts requests a minute, which begins with its first request: a share of its own for each caller and entry. */
export class RequestRates {
  private readonly limiters = new Map<string, RateLimiterMemory>();

  /**
   * Counts a request; undefined when they are not counted.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED with Retry-After when the caller has had its requests of this minute (rejected).
   */
  take(identity: Identity, { entry, limits }: Allowance): Promise<void> | undefined {
    const { requestsPerMinute: points } = limits;
    return points === undefined ? undefined : this.consume(identity.cn, entry, points);
  }

  private async consume(cn: string, entry: string, points: number): Promise<void> {
    try {
      await this.limiter(entry, points).consume(cn);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${points} requests a minute`, {
        headers: { 'retry-after': String(Math.ceil(refused.msBeforeNext / 1000)) },
      });
    }
  }

  /** One limiter for each distinct limit of an entry. */
  private limiter(entry: string, points: number): RateLimiterMemory {
    const key = `${points} ${entry}`;
    const known = this.limiters.get(key);
    if (known !== undefined) return known;
    if (this.limiters.size >= MAX_RATES) this.limiters.clear();
    const made = new RateLimiterMemory({ points, duration: WINDOW_SECONDS });
    this.limiters.set(key, made);
    return made;
  }
}

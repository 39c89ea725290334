import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { PassbandError } from '../../errors.ts';
import type { Identity } from './identity.ts';
import type { LiveStreams } from './live-streams.ts';
import type { Limits } from './policy.ts';

/** Seconds of a rate limit's window. */
const WINDOW_SECONDS = 60;

/** Holds callers to the limits of the rule that allows them: each caller has its own share of a rule. */
export class Admission {
  private readonly limiters = new Map<string, RateLimiterMemory>();
  private readonly live: LiveStreams;

  constructor(live: LiveStreams) {
    this.live = live;
  }

  /** @throws PassbandError RESOURCE_EXHAUSTED, with Retry-After where waiting helps. */
  async admit(identity: Identity, rule: string, limits: Limits, isStream: boolean): Promise<void> {
    if (isStream && limits.concurrentStreams !== undefined) {
      if (this.live.count(identity.cn, rule) >= limits.concurrentStreams) {
        throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${limits.concurrentStreams} streams at one time`);
      }
    }
    if (limits.requestsPerMinute === undefined) return;
    try {
      await this.limiter(rule, limits.requestsPerMinute).consume(identity.cn);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${limits.requestsPerMinute} requests a minute`, {
        headers: { 'retry-after': String(Math.ceil(refused.msBeforeNext / 1000)) },
      });
    }
  }

  /** One limiter for each distinct limit of a rule: as many as the policy has entries. */
  private limiter(rule: string, points: number): RateLimiterMemory {
    const key = `${points} ${rule}`;
    const known = this.limiters.get(key) ?? new RateLimiterMemory({ points, duration: WINDOW_SECONDS });
    this.limiters.set(key, known);
    return known;
  }
}

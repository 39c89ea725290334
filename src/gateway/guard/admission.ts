import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { PassbandError } from '../../errors.ts';
import type { Identity } from './identity.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import type { Limits } from './policy.ts';

/** Seconds of a rate limit's window. */
const WINDOW_SECONDS = 60;

/** Holds callers to the limits of what allows them: each caller has its own share of a rule. */
export class Admission {
  private readonly limiters = new Map<string, RateLimiterMemory>();
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

  /** One limiter for each distinct limit of a rule: as many as the policy has entries. */
  private limiter(rule: string, points: number): RateLimiterMemory {
    const key = `${points} ${rule}`;
    const known = this.limiters.get(key) ?? new RateLimiterMemory({ points, duration: WINDOW_SECONDS });
    this.limiters.set(key, known);
    return known;
  }
}

import { PassbandError } from '../../errors.ts';
import type { Identity } from './identity.ts';
import type { LiveStream, LiveStreams } from './live-streams.ts';
import { Paces } from './paces.ts';
import type { Allowance } from './policy.ts';
import { RequestRates } from './request-rates.ts';
import type { Turns } from './turns.ts';

/** Holds callers to the limits of what allows them: each caller has its own share of an entry. */
export class Admission {
  private readonly rates = new RequestRates();
  private readonly paces = new Paces();
  private readonly live: LiveStreams;

  constructor(live: LiveStreams) {
    this.live = live;
  }

  /** @throws PassbandError RESOURCE_EXHAUSTED with Retry-After when the caller has had its requests of this minute. */
  async request(identity: Identity, allowance: Allowance): Promise<void> {
    await this.rates.take(identity, allowance);
  }

  /**
   * Takes a place for a stream, at once, so that streams that begin at the same time cannot share one. The function that
   * is returned gives the place back.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open.
   */
  stream(stream: LiveStream, allowance: Allowance): () => void {
    this.requirePlace(stream, allowance);
    return this.live.add(stream);
  }

  /**
   * To be asked when a stream comes under another entry, by what its caller sends.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when the caller has all of its streams open there.
   */
  requirePlace(stream: LiveStream, { entry, limits }: Allowance): void {
    const { concurrentStreams: most } = limits;
    if (most === undefined || this.live.countBeside(stream, entry) < most) return;
    throw new PassbandError('RESOURCE_EXHAUSTED', `no more than ${most} streams at one time`);
  }

  /** The pace at which a caller may be sent bytes under an entry, shared by all of its streams; undefined without a limit. */
  pace(identity: Identity, allowance: Allowance): Turns | undefined {
    return this.paces.of(identity, allowance);
  }

  /**
   * To be asked before a call that is answered at once and not as a stream.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED with Retry-After while the caller has had more bytes than its rate.
   */
  requireBytes(identity: Identity, allowance: Allowance): void {
    this.paces.require(identity, allowance);
  }
}

import type { SourceConfig } from '../../../src/backend/iq/sources/config.ts';
import type { ManualClock } from '../../backend/manual-clock.ts';
import { RtlTcpServer } from '../../backend/rtl-tcp-server.ts';
import type { Curl } from '../curl.ts';
import { CHUNK, SourceFeed, TUNING } from './source-feed.ts';
import { RATE_HZ } from './tone-content.ts';

/** Samples that are thrown away behind a change of frequency: 200 ms, docs/stations.md. */
const STALE = RATE_HZ / 5;

/** A server of rtl_tcp. What it received before a change of frequency is lost. */
export class RtlTcpFeed extends SourceFeed {
  readonly source: SourceConfig;
  readonly #server: RtlTcpServer;
  /** Bytes of the next sample that were sent already. */
  #ahead = 0;
  #retune = async (): Promise<void> => {};

  private constructor(clock: ManualClock, server: RtlTcpServer) {
    super(clock, 'cu8');
    this.#server = server;
    this.source = { kind: 'rtl_tcp', host: '127.0.0.1', port: server.port, ...TUNING };
  }

  static async make(clock: ManualClock): Promise<RtlTcpFeed> {
    return new RtlTcpFeed(clock, await new RtlTcpServer().listen());
  }

  override async open(stationId: string, curl: Curl): Promise<void> {
    const options = ['-H', 'content-type: application/json', '--data-binary', '@-'];
    this.#retune = async () => {
      const { status } = await curl.feed('{"centerFrequencyHz":434e6}', `/v1/stations/${stationId}:start`, ...options);
      if (status !== 200) throw new Error(`not tuned: ${status}`);
    };
  }

  override async begin(): Promise<void> {
    await this.#server.connected();
    this.#sendStale();
    await this.give();
  }

  async lose(): Promise<number> {
    await this.#retune();
    this.miss(STALE);
    this.#sendStale();
    return STALE;
  }

  override async close(): Promise<void> {
    await this.#server.stop();
  }

  /** Samples that nobody may get: full scale throughout. */
  #sendStale(): void {
    this.#server.send(Buffer.alloc(2 * STALE - this.#ahead, 0xff));
    this.#ahead = 0;
  }

  /** Ends in the middle of the sample that comes next. */
  protected async send(from: number): Promise<void> {
    this.#server.send(this.content(from, CHUNK + 1).subarray(this.#ahead, 2 * CHUNK + 1));
    this.#ahead = 1;
  }
}

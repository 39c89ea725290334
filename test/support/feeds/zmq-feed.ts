import type { Datatype } from '../../../src/backend/iq/formats.ts';
import type { SourceConfig } from '../../../src/backend/iq/sources/config.ts';
import { writeTagged } from '../../backend/iq/gnuradio-writer.ts';
import type { ManualClock } from '../../backend/manual-clock.ts';
import { ZmqPublisher } from '../zmq-publisher.ts';
import { CHUNK, LOST, SourceFeed, TUNING } from './source-feed.ts';

/** The sink's own count of the first sample. */
const FIRST_OFFSET = 7_000_000_123n;

/** A publisher that writes as a sink of GNU Radio does, with tags or without. */
export class ZmqFeed extends SourceFeed {
  readonly source: SourceConfig;
  readonly #publisher: ZmqPublisher;
  readonly #tags: boolean;

  private constructor(clock: ManualClock, datatype: Datatype, tags: boolean, publisher: ZmqPublisher) {
    super(clock, datatype);
    this.#publisher = publisher;
    this.#tags = tags;
    this.source = { kind: 'zmq', endpoint: publisher.endpoint, datatype, tags, ...TUNING };
  }

  static async make(clock: ManualClock, datatype: Datatype, tags: boolean): Promise<ZmqFeed> {
    const publisher = new ZmqPublisher();
    await publisher.open();
    return new ZmqFeed(clock, datatype, tags, publisher);
  }

  override async begin(): Promise<void> {
    await this.#publisher.subscribed();
    await this.give();
  }

  /** Without tags a loss cannot be seen, and there is none. */
  async lose(): Promise<number> {
    return this.#tags ? this.miss(LOST) : 0;
  }

  override async close(): Promise<void> {
    this.#publisher.close();
  }

  protected async send(from: number): Promise<void> {
    const bytes = this.content(from, CHUNK);
    await this.#publisher.send(this.#tags ? writeTagged(FIRST_OFFSET + BigInt(from), bytes) : bytes);
  }
}

import { zstdCompressSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import type { Datatype } from '../../../src/backend/iq/formats.ts';
import type { SourceConfig } from '../../../src/backend/iq/sources/config.ts';
import { messageType } from '../../../src/backend/protos.ts';
import type { ManualClock } from '../../backend/manual-clock.ts';
import type { Curl, RunningCurl } from '../curl.ts';
import { CHUNK, SourceFeed, TUNING } from './source-feed.ts';
import { TONE_FLOATS } from './tone-content.ts';

const BATCH = messageType('sdr.oran.IQSampleBatch');
/** Batches that are lost. */
const LOST_BATCHES = 3;

/** A producer by curl, whose floats the station makes its own datatype; plain batches, Zstandard and LZ4 by turns. */
export class PushFeed extends SourceFeed {
  readonly source: SourceConfig;
  #curl: RunningCurl | undefined;
  #sequence = 0;
  /** Floats that were sent. */
  #sent = 0;

  constructor(clock: ManualClock, datatype: Datatype) {
    super(clock, datatype);
    this.source = { kind: 'push', datatype, ...TUNING };
  }

  override async open(stationId: string, curl: Curl): Promise<void> {
    const types = ['-H', 'content-type: application/x-protobuf', '-H', 'accept: application/x-ndjson'];
    this.#curl = curl.start(`/v1/stations/${stationId}/iq:push`, '--http1.1', ...types, '-X', 'POST', '-T', '.');
    // Without a producer nobody can read.
    await this.give();
  }

  /** Batches that do not come are as long as their neighbours. */
  async lose(): Promise<number> {
    this.#sequence += LOST_BATCHES;
    return this.miss(LOST_BATCHES * CHUNK);
  }

  override async close(): Promise<void> {
    this.#curl?.endInput();
    await this.#curl?.ended;
  }

  protected async send(): Promise<void> {
    const floats = TONE_FLOATS.subarray(this.#sent, this.#sent + 2 * CHUNK);
    this.#sent += floats.length;
    const bytes = Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);
    const samples = [
      { samples: [...floats] },
      { compressed_samples: zstdCompressSync(bytes) },
      { compressed_samples: compressFrameSync(bytes) },
    ][this.#sequence % 3];
    const message = BATCH.serialize({ sequence_number: ++this.#sequence, ...samples });
    const { length } = message;
    // The length as a varint of three bytes.
    this.#curl?.write(Buffer.from([(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]));
    this.#curl?.write(message);
    const ack = JSON.parse((await this.#curl?.readUntil('\n')) ?? '');
    if (ack.ackedSequence !== String(this.#sequence)) throw new Error(`not acknowledged: ${JSON.stringify(ack)}`);
  }
}

import { appendBytesFields } from '../protobuf-bytes.ts';
import { messageType } from '../protos.ts';
import { bytesPerSample, convertSamples, type Datatype } from './formats.ts';
import type { FrameOrigin } from './frame-origin.ts';
import type { Run } from './ring.ts';

/** Bytes of encoded frames that one format keeps: some frames for readers that are a little behind each other. */
const MAX_SHELF_BYTES = 4 * 1024 * 1024;

/** Field number of IQFrame.data. */
const DATA_FIELD = 9;

const IQ_FRAME = messageType('sdr.oran.IQFrame');

/**
 * Encoded IQFrame messages of one datatype and batch size. Each is converted and encoded once; all readers are given the
 * same bytes, which nobody may change.
 */
export class FrameShelf {
  readonly datatype: Datatype;
  readonly batchSize: number;
  readonly #origin: FrameOrigin;
  readonly #frames = new Map<number, Buffer>();
  #heldBytes = 0;

  constructor(origin: FrameOrigin, datatype: Datatype, batchSize: number) {
    this.#origin = origin;
    this.datatype = datatype;
    this.batchSize = batchSize;
  }

  /** Bytes of sample data in a frame. */
  get dataBytes(): number {
    return this.batchSize * bytesPerSample(this.datatype);
  }

  /** Frame number `sequence`, which lies wholly in `run`. */
  frame(sequence: number, run: Run): Buffer {
    const held = this.#frames.get(sequence);
    if (held !== undefined) return held;
    const encoded = this.#encode(sequence, run);
    this.#frames.set(sequence, encoded);
    this.#heldBytes += encoded.length;
    for (const [oldest, bytes] of this.#frames) {
      if (this.#heldBytes <= MAX_SHELF_BYTES || this.#frames.size === 1) break;
      this.#frames.delete(oldest);
      this.#heldBytes -= bytes.length;
    }
    return encoded;
  }

  #encode(sequence: number, run: Run): Buffer {
    const { batchSize, datatype } = this;
    const { stationId, ring, epoch, datatype: heldAs } = this.#origin;
    const sampleIndex = sequence * batchSize;
    const { snrDb, receivePowerDbm, agcLocked = false, dopplerShiftHz = 0 } = this.#origin.receptionAt(sampleIndex);
    const head = IQ_FRAME.serialize({
      station_id: stationId,
      sequence_number: sequence,
      sample_index: sampleIndex,
      timestamp_ns: run.timestampNs(sampleIndex).toString(),
      center_frequency_hz: run.centerFrequencyHz,
      sample_rate: run.sampleRateHz,
      datatype,
      sample_count: batchSize,
      doppler_shift_hz: dopplerShiftHz,
      agc_locked: agcLocked,
      epoch: epoch.toString(),
      ...(snrDb === undefined ? {} : { snr_db: snrDb }),
      ...(receivePowerDbm === undefined ? {} : { receive_power_dbm: receivePowerDbm }),
    });
    const outBytes = bytesPerSample(datatype);
    const fill = (target: Uint8Array): void =>
      ring.read(sampleIndex, batchSize, (bytes, offset) => {
        const samples = bytes.length / bytesPerSample(heldAs);
        const piece = target.subarray(offset * outBytes, (offset + samples) * outBytes);
        convertSamples(heldAs, datatype, bytes, piece);
      });
    return appendBytesFields(head, [{ fieldNumber: DATA_FIELD, byteLength: this.dataBytes, fill }]);
  }
}

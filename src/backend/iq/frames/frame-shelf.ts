import { appendBytesFields, appendVarintField } from '../../protobuf-bytes.ts';
import { messageType } from '../../protos.ts';
import { bytesPerSample, type Datatype } from '../formats.ts';
import { MessageBuffers } from '../message-buffers.ts';
import { readConverted } from '../ring/read-converted.ts';
import type { FrameLayout } from './frame-layout.ts';
import type { FrameOrigin } from './frame-origin.ts';
import type { FrameSpan } from './run-frames.ts';

/** Field numbers of IQFrame. */
const DATA_FIELD = 9;
const SATURATED_VALUES_FIELD = 16;

const IQ_FRAME = messageType('sdr.oran.IQFrame');

/** A frame as it goes over the wire. */
export interface EncodedFrame {
  /** Nobody may change it. */
  readonly message: Buffer;
  /** Nobody else is given it: who has it may give it back when he is done with its bytes, so that the next frame is written there. */
  readonly isSoleOwners: boolean;
  /** Bytes of sample data in it. */
  readonly dataBytes: number;
  /** Numbers (I or Q) in it that did not fit its datatype. */
  readonly saturatedValues: number;
}

/**
 * Encoded IQFrame messages of one datatype and batch size. Each is converted and encoded once; all readers are given the
 * same bytes. The memory of a frame that only one reader was given is used again once he has given it back; that of the
 * others is not.
 */
export class FrameShelf {
  readonly datatype: Datatype;
  readonly batchSize: number;
  /** Which samples make a frame. */
  readonly layout: FrameLayout;
  readonly #origin: FrameOrigin;
  /** Bytes of encoded frames that may be kept at this moment, for readers that are a little behind each other. */
  readonly #maxHeldBytes: () => number;
  /** By their first sample. */
  readonly #frames = new Map<number, EncodedFrame>();
  #heldBytes = 0;
  readonly #buffers = new MessageBuffers();

  constructor(origin: FrameOrigin, datatype: Datatype, batchSize: number, maxHeldBytes: () => number) {
    this.#origin = origin;
    this.datatype = datatype;
    this.batchSize = batchSize;
    this.layout = origin.layout(batchSize);
    this.#maxHeldBytes = maxHeldBytes;
  }

  /** The frame of a span of this batch size. */
  frame(span: FrameSpan): EncodedFrame {
    const held = this.#frames.get(span.start);
    if (held !== undefined) return held;
    const encoded = this.#encode(span);
    if (encoded.saturatedValues > 0) this.#origin.metrics.saturated(encoded.saturatedValues);
    const maxHeldBytes = this.#maxHeldBytes();
    const isSoleOwners = encoded.message.length > maxHeldBytes;
    const frame = { ...encoded, isSoleOwners };
    if (!isSoleOwners) {
      this.#frames.set(span.start, frame);
      this.#heldBytes += encoded.message.length;
    }
    for (const [oldest, { message }] of this.#frames) {
      if (this.#heldBytes <= maxHeldBytes) break;
      this.#frames.delete(oldest);
      this.#heldBytes -= message.length;
    }
    return frame;
  }

  /** Takes back a frame whose bytes are not needed any more. One that others may have been given is left as it is. */
  takeBack({ message, isSoleOwners }: EncodedFrame): void {
    if (isSoleOwners) this.#buffers.takeBack(message);
  }

  #encode({ sequence, start, end, run }: FrameSpan): Omit<EncodedFrame, 'isSoleOwners'> {
    const { datatype } = this;
    const count = end - start;
    const { stationId, epoch } = this.#origin;
    const { snrDb, receivePowerDbm, agcLocked = false, dopplerShiftHz = 0 } = this.#origin.receptionAt(start);
    const head = IQ_FRAME.serialize({
      station_id: stationId,
      sequence_number: sequence,
      sample_index: start,
      timestamp_ns: run.timestampNs(start).toString(),
      center_frequency_hz: run.centerFrequencyHz,
      sample_rate: run.sampleRateHz,
      datatype,
      sample_count: count,
      doppler_shift_hz: dopplerShiftHz,
      agc_locked: agcLocked,
      epoch: epoch.toString(),
      ...(snrDb === undefined ? {} : { snr_db: snrDb }),
      ...(receivePowerDbm === undefined ? {} : { receive_power_dbm: receivePowerDbm }),
    });
    let saturatedValues = 0;
    const fill = (target: Uint8Array): void => {
      saturatedValues = readConverted(this.#origin, { start, count }, datatype, target);
    };
    const dataBytes = count * bytesPerSample(datatype);
    const message = appendBytesFields(head, [{ fieldNumber: DATA_FIELD, byteLength: dataBytes, fill }], (byteLength) =>
      this.#buffers.lend(byteLength),
    );
    if (saturatedValues === 0) return { message, dataBytes, saturatedValues };
    const counted = appendVarintField(message, SATURATED_VALUES_FIELD, saturatedValues);
    this.#buffers.takeBack(message);
    return { message: counted, dataBytes, saturatedValues };
  }
}

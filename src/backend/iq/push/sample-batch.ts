import protobuf from 'protobufjs';
import { PassbandError } from '../../../errors.ts';

/** sdr.oran.IQSampleBatch as it came, but for its samples: they stay the bytes that they are on the wire. */
export interface SampleBatch {
  station_id: string;
  band: string;
  /** Decimal. */
  timestamp_ns: string;
  /** Decimal. */
  sequence_number: string;
  center_frequency_hz: number;
  sample_rate: number;
  /** Little-endian floats, whole ones; they begin at any address. */
  samples: Uint8Array;
  compressed_samples: Uint8Array;
  snr_db: number;
  receive_power_dbm: number;
  agc_locked: boolean;
  doppler_shift_hz: number;
  /** Why the message cannot be read; what else is here means nothing then. */
  unreadable?: PassbandError;
}

const BYTES_PER_FLOAT = 4;

/** Wire types of the protobuf encoding. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const tagOf = (fieldNumber: number, wireType: number): number => fieldNumber * 8 + wireType;

type FieldReader = (reader: protobuf.Reader) => Partial<SampleBatch>;

/** How each field is read, by its tag. A field that comes twice has its last value, as everywhere in protobuf. */
const READERS: ReadonlyMap<number, FieldReader> = new Map<number, FieldReader>([
  [tagOf(1, LENGTH_DELIMITED), (reader) => ({ station_id: reader.string() })],
  [tagOf(2, LENGTH_DELIMITED), (reader) => ({ band: reader.string() })],
  [tagOf(3, VARINT), (reader) => ({ timestamp_ns: reader.int64().toString() })],
  [tagOf(4, VARINT), (reader) => ({ sequence_number: reader.uint64().toString() })],
  [tagOf(5, FIXED64), (reader) => ({ center_frequency_hz: reader.double() })],
  [tagOf(6, FIXED64), (reader) => ({ sample_rate: reader.double() })],
  [tagOf(9, FIXED64), (reader) => ({ snr_db: reader.double() })],
  [tagOf(10, FIXED64), (reader) => ({ receive_power_dbm: reader.double() })],
  [tagOf(11, VARINT), (reader) => ({ agc_locked: reader.bool() })],
  [tagOf(12, FIXED64), (reader) => ({ doppler_shift_hz: reader.double() })],
]);

const PACKED_SAMPLES = tagOf(7, LENGTH_DELIMITED);
const ONE_FLOAT = tagOf(7, FIXED32);
const COMPRESSED_SAMPLES = tagOf(8, LENGTH_DELIMITED);

/**
 * Reads an IQSampleBatch. A packed `repeated float` has the wire type of `bytes`: its floats are taken as they lie there,
 * without decoding one, which is ten times as fast as a list of numbers. As every protobuf decoder must, it takes fields in
 * any order, floats packed, unpacked or in several pieces, and skips what it does not know
 * (https://protobuf.dev/programming-guides/encoding/#packed). It keeps hold of `message`, and needs as much again at most.
 *
 * Never throws: what cannot be read is the handler's to refuse, with a status of its own instead of gRPC's INTERNAL.
 */
export function readSampleBatch(message: Uint8Array): SampleBatch {
  const batch: SampleBatch = {
    station_id: '',
    band: '',
    timestamp_ns: '0',
    sequence_number: '0',
    center_frequency_hz: 0,
    sample_rate: 0,
    samples: new Uint8Array(),
    compressed_samples: new Uint8Array(),
    snr_db: 0,
    receive_power_dbm: 0,
    agc_locked: false,
    doppler_shift_hz: 0,
  };
  try {
    readInto(batch, message);
  } catch (cause) {
    batch.unreadable = new PassbandError('INVALID_ARGUMENT', 'the message is no sdr.oran.IQSampleBatch', { cause });
  }
  return batch;
}

function readInto(batch: SampleBatch, message: Uint8Array): void {
  const reader = protobuf.Reader.create(message);
  const floats = new FloatPieces(message);
  while (reader.pos < message.length) {
    const tag = reader.tag();
    const read = READERS.get(tag);
    if (read !== undefined) Object.assign(batch, read(reader));
    else if (tag === PACKED_SAMPLES) floats.add(...extent(reader));
    else if (tag === ONE_FLOAT) {
      floats.add(reader.pos, BYTES_PER_FLOAT);
      reader.skip(BYTES_PER_FLOAT);
    } else if (tag === COMPRESSED_SAMPLES) {
      const [start, length] = extent(reader);
      batch.compressed_samples = message.subarray(start, start + length);
    } else reader.skipType(tag & 7, 0, tag >>> 3);
  }
  batch.samples = floats.bytes();
}

/** Where the contents of a length-delimited field lie; the reader goes behind them, and throws when there are fewer. */
function extent(reader: protobuf.Reader): readonly [start: number, length: number] {
  const length = reader.uint32();
  const start = reader.pos;
  reader.skip(length);
  return [start, length];
}

/** The floats of a message in one piece: without a copy where they came so, which is always but in theory. */
class FloatPieces {
  readonly #message: Uint8Array;
  #start = 0;
  #length = 0;
  #gathered: Uint8Array | undefined;

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  add(start: number, length: number): void {
    if (length % BYTES_PER_FLOAT !== 0) throw new RangeError('packed floats end within a float');
    if (this.#length === 0) this.#start = start;
    else if (length > 0) {
      this.#gathered ??= this.#gather();
      // By hand: an unpacked float is four bytes, and there may be a million of them.
      for (let i = 0; i < length; i++) this.#gathered[this.#length + i] = this.#message[start + i] ?? 0;
    }
    this.#length += length;
  }

  bytes(): Uint8Array {
    return this.#gathered?.subarray(0, this.#length) ?? this.#message.subarray(this.#start, this.#start + this.#length);
  }

  #gather(): Uint8Array {
    const gathered = new Uint8Array(this.#message.length);
    gathered.set(this.#message.subarray(this.#start, this.#start + this.#length));
    return gathered;
  }
}

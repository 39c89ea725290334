import { PassbandError } from '../../../errors.ts';

/** Levels of vectors, tuples and pairs within one another at most. What flowgraphs tag samples with has three or four. */
const MAX_DEPTH = 32;

/** A complex number. */
export interface PmtComplex {
  readonly re: number;
  readonly im: number;
}

/** A vector or a tuple. */
export interface PmtItems {
  readonly items: readonly Pmt[];
}

/** Pairs in a row: a list where `tail` is null, a dictionary where its items are pairs besides. */
export interface PmtPairs {
  readonly cars: readonly Pmt[];
  readonly tail: Pmt;
}

/** A vector of numbers of one kind. Its elements are skipped: no tag that is used has one. */
export interface PmtUniform {
  /** Position in UNIFORM_BYTES: u8 s8 u16 s16 u32 s32 u64 s64 f32 f64 c32 c64. */
  readonly uniform: number;
  readonly length: number;
}

/** A polymorphic value of GNU Radio. Symbols are texts; integers of 64 bits are bigints; nil is null. */
export type Pmt = boolean | null | number | bigint | string | PmtComplex | PmtItems | PmtPairs | PmtUniform;

const SYMBOLS = new TextDecoder('utf-8', { ignoreBOM: true });

/** Bytes of one element of a uniform vector, by its kind. */
const UNIFORM_BYTES = [1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 16];

/** Codes of pmt_serial_tags.h. */
const CODE = {
  true: 0x00,
  false: 0x01,
  symbol: 0x02,
  int32: 0x03,
  double: 0x04,
  complex: 0x05,
  nil: 0x06,
  pair: 0x07,
  vector: 0x08,
  dict: 0x09,
  uniform: 0x0a,
  uint64: 0x0b,
  tuple: 0x0c,
  int64: 0x0d,
};

/**
 * Reads values as GNU Radio's pmt::serialize writes them (big-endian, without lengths), one after the other. Whatever the
 * bytes are, the work is bounded: by their number, by a budget of values, and by MAX_DEPTH.
 *
 * Source: GNU Radio 3.10, gnuradio-runtime/lib/pmt/pmt_serialize.cc.
 */
export class PmtReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Values that may still be read. */
  #budget: number;
  #at: number;

  constructor(bytes: Uint8Array, from: number, maxValues: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = from;
    this.#budget = maxValues;
  }

  /** Position behind what was read. */
  get at(): number {
    return this.#at;
  }

  /** Little-endian, as the headers around the values are. @throws PassbandError INVALID_ARGUMENT */
  uint64le(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** The next value. @throws PassbandError INVALID_ARGUMENT where there is none, or one beyond the bounds. */
  value(depth = 0): Pmt {
    if (depth > MAX_DEPTH) throw malformed(`has values more than ${MAX_DEPTH} deep`);
    if (--this.#budget < 0) throw malformed('has too many values in its tags');
    const view = this.#view;
    const code = view.getUint8(this.#advance(1));
    switch (code) {
      case CODE.true:
        return true;
      case CODE.false:
        return false;
      case CODE.nil:
        return null;
      case CODE.symbol: {
        const length = view.getUint16(this.#advance(2));
        const from = this.#advance(length);
        return SYMBOLS.decode(this.#bytes.subarray(from, from + length));
      }
      case CODE.int32:
        return view.getInt32(this.#advance(4));
      case CODE.double:
        return view.getFloat64(this.#advance(8));
      case CODE.complex:
        return { re: view.getFloat64(this.#advance(8)), im: view.getFloat64(this.#advance(8)) };
      case CODE.uint64:
        return view.getBigUint64(this.#advance(8));
      case CODE.int64:
        return view.getBigInt64(this.#advance(8));
      case CODE.vector:
      case CODE.tuple:
        return this.#items(depth);
      case CODE.uniform:
        return this.#uniform();
      case CODE.pair:
      case CODE.dict:
        return this.#pairs(depth);
      default:
        throw malformed(`has a value of unknown type 0x${code.toString(16).padStart(2, '0')} in its tags`);
    }
  }

  #items(depth: number): PmtItems {
    const count = this.#view.getUint32(this.#advance(4));
    // A value takes a byte at least, so a count that lies is found before anything is made for it.
    if (count > this.#bytes.length - this.#at) throw endsEarly();
    const items: Pmt[] = [];
    for (let i = 0; i < count; i++) items.push(this.value(depth + 1));
    return { items };
  }

  #uniform(): PmtUniform {
    const uniform = this.#view.getUint8(this.#advance(1));
    const bytesEach = UNIFORM_BYTES[uniform];
    if (bytesEach === undefined) throw malformed(`has a vector of unknown kind ${uniform} in its tags`);
    const length = this.#view.getUint32(this.#advance(4));
    this.#advance(this.#view.getUint8(this.#advance(1)));
    this.#advance(length * bytesEach);
    return { uniform, length };
  }

  /** A long list is a deep nest of pairs, so what follows a pair is read in a loop. */
  #pairs(depth: number): PmtPairs {
    const cars = [this.value(depth + 1)];
    for (;;) {
      const next = this.#bytes[this.#at];
      if (next !== CODE.pair && next !== CODE.dict) return { cars, tail: this.value(depth + 1) };
      this.#advance(1);
      if (--this.#budget < 0) throw malformed('has too many values in its tags');
      cars.push(this.value(depth + 1));
    }
  }

  /** Steps over bytes; tells where they begin. */
  #advance(count: number): number {
    const from = this.#at;
    if (count > this.#bytes.length - from) throw endsEarly();
    this.#at = from + count;
    return from;
  }
}

/** A message that is not what it should be; `what` continues "a message". */
export function malformed(what: string): PassbandError {
  return new PassbandError('INVALID_ARGUMENT', `a message ${what}`);
}

const endsEarly = (): PassbandError => malformed('ends within its tags');

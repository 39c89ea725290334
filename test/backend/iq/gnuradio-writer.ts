/** A value to be written as GNU Radio's pmt::serialize does, by an implementation of its own. */
export type Written =
  | boolean
  | null
  | { readonly symbol: string }
  | { readonly int32: number }
  | { readonly int64: bigint }
  | { readonly uint64: bigint }
  | { readonly double: number }
  | { readonly complex: readonly [number, number] }
  | { readonly vector: readonly Written[] }
  | { readonly tuple: readonly Written[] }
  | { readonly pair: readonly [Written, Written] }
  | { readonly dict: readonly [Written, Written] }
  /** Kind of element, bytes of one, and how many. */
  | { readonly uniform: readonly [kind: number, bytesEach: number, length: number] };

const bytes = (size: number, write: (view: DataView) => void): Buffer => {
  const buffer = Buffer.alloc(size);
  write(new DataView(buffer.buffer, buffer.byteOffset, size));
  return buffer;
};
const u8 = (value: number): Buffer => Buffer.from([value]);
const u32 = (value: number): Buffer => bytes(4, (view) => view.setUint32(0, value));
const f64 = (value: number): Buffer => bytes(8, (view) => view.setFloat64(0, value));

/** The bytes of a value. */
export function writePmt(value: Written): Buffer {
  if (value === null) return u8(6);
  if (typeof value === 'boolean') return u8(value ? 0 : 1);
  if ('symbol' in value) {
    const text = Buffer.from(value.symbol);
    return Buffer.concat([u8(2), bytes(2, (view) => view.setUint16(0, text.length)), text]);
  }
  if ('int32' in value) return Buffer.concat([u8(3), bytes(4, (view) => view.setInt32(0, value.int32))]);
  if ('double' in value) return Buffer.concat([u8(4), f64(value.double)]);
  if ('complex' in value) return Buffer.concat([u8(5), ...value.complex.map(f64)]);
  if ('pair' in value) return Buffer.concat([u8(7), ...value.pair.map(writePmt)]);
  if ('vector' in value) return Buffer.concat([u8(8), u32(value.vector.length), ...value.vector.map(writePmt)]);
  if ('dict' in value) return Buffer.concat([u8(9), ...value.dict.map(writePmt)]);
  if ('uint64' in value) return Buffer.concat([u8(11), bytes(8, (view) => view.setBigUint64(0, value.uint64))]);
  if ('tuple' in value) return Buffer.concat([u8(12), u32(value.tuple.length), ...value.tuple.map(writePmt)]);
  if ('int64' in value) return Buffer.concat([u8(13), bytes(8, (view) => view.setBigInt64(0, value.int64))]);
  const [kind, bytesEach, length] = value.uniform;
  return Buffer.concat([u8(10), u8(kind), u32(length), u8(1), u8(0), Buffer.alloc(length * bytesEach, 7)]);
}

/** A tag to be written. */
export interface WrittenTag {
  readonly offset: bigint;
  readonly key: Written;
  readonly value: Written;
  readonly source?: Written;
}

const u64le = (value: bigint): Buffer => bytes(8, (view) => view.setBigUint64(0, value, true));

/** A message as a ZeroMQ sink with tags sends it. */
export function writeTagged(offset: bigint, items: Uint8Array, tags: readonly WrittenTag[] = []): Buffer {
  const written = tags.map(({ offset: at, key, value, source = false }) =>
    Buffer.concat([u64le(at), writePmt(key), writePmt(value), writePmt(source)]),
  );
  return Buffer.concat([Buffer.from([0xf0, 0x5f, 1]), u64le(offset), u64le(BigInt(tags.length)), ...written, items]);
}

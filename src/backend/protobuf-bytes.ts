/** Bytes of the longest varint (64 bits, seven a byte) and of a one-byte-number tag's varint. */
const MAX_VARINT_BYTES = 10;

/** Wire types of the protobuf encoding. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;

function varint(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(MAX_VARINT_BYTES);
  let rest = BigInt(value);
  let length = 0;
  while (rest > 0x7fn) {
    bytes[length++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  bytes[length++] = Number(rest);
  return bytes.subarray(0, length);
}

const tag = (fieldNumber: number, wireType: number): Uint8Array => varint(fieldNumber * 8 + wireType);

/** A field of a message whose bytes are written in place. */
export interface BytesField {
  readonly fieldNumber: number;
  readonly byteLength: number;
  /** Writes `byteLength` bytes; the target begins at a multiple of 8. */
  readonly fill: (target: Uint8Array) => void;
}

/**
 * An encoded message with further length-delimited fields (bytes, or packed scalars) at its end, where protobuf allows
 * them: the order of fields is free (https://protobuf.dev/programming-guides/encoding/#order). The contents are written
 * straight into the result, so that samples are copied once on their way from the ring to the wire.
 *
 * @param allocate memory of so many bytes for the result; new unless told. It must begin at a multiple of 8.
 */
export function appendBytesFields(
  message: Uint8Array,
  fields: readonly BytesField[],
  allocate: (byteLength: number) => Buffer = Buffer.allocUnsafeSlow,
): Buffer {
  const parts = fields.map((field) => ({
    field,
    prefix: Buffer.concat([tag(field.fieldNumber, LENGTH_DELIMITED), varint(field.byteLength)]),
  }));
  const total = parts.reduce((sum, part) => sum + part.prefix.length + part.field.byteLength, message.length);
  const [only] = parts;
  // A lone field is laid where its contents are aligned; with several, all but one go through a copy.
  const pad = parts.length === 1 && only ? (8 - ((message.length + only.prefix.length) % 8)) % 8 : 0;
  const result = allocate(pad + total).subarray(pad);
  result.set(message);
  let at = message.length;
  for (const { field, prefix } of parts) {
    result.set(prefix, at);
    at += prefix.length;
    const target = result.subarray(at, at + field.byteLength);
    if (target.byteOffset % 8 === 0) {
      field.fill(target);
    } else {
      const aligned = new Uint8Array(field.byteLength);
      field.fill(aligned);
      target.set(aligned);
    }
    at += field.byteLength;
  }
  return result;
}

/** An encoded message with an unsigned integer field at its end. */
export function appendVarintField(message: Uint8Array, fieldNumber: number, value: number | bigint): Buffer {
  return Buffer.concat([message, tag(fieldNumber, VARINT), varint(value)]);
}

/** One element of DER: where its header, its content and it itself end. Offsets are into the bytes that it was read from. */
export interface DerElement {
  /** The identifier octet, class and constructed bit included: 0x30 is a SEQUENCE. */
  readonly tag: number;
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/** Identifier octets of the types that are read here (X.690). */
export const DER_TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  explicit0: 0xa0,
} as const;

/** Octets that a length may take: four are 4 GiB. */
const MAX_LENGTH_BYTES = 4;

/** One more than the longest time that is allowed has. */
const TIME_BYTES = 16;

/**
 * Reads the header of one element. This is for revocation lists alone, which may hold some hundred thousand entries: a
 * parser that makes objects of every element takes 11 s and 700 MB for 50,000 of them. Everything else is read by pkijs.
 *
 * @param end where the bytes end that the element must lie within.
 * @throws Error when the bytes are not DER (X.690 section 10): cut short, of indefinite length, or a length not minimal.
 */
export function readElement(bytes: Uint8Array, at: number, end: number): DerElement {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || at + 2 > end) throw new Error('cut short');
  if ((tag & 0x1f) === 0x1f) throw new Error('a tag of more than one octet');
  let content = at + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > MAX_LENGTH_BYTES) throw new Error('a length that DER does not have');
    length = 0;
    for (let i = 0; i < octets; i += 1) length = length * 256 + (bytes[content + i] ?? 0);
    content += octets;
    const isMinimal = length >= 0x80 && length >= 256 ** (octets - 1);
    if (!isMinimal) throw new Error('a length that DER does not have');
  }
  if (content + length > end) throw new Error('cut short');
  return { tag, start: at, content, end: content + length };
}

/** The elements inside a constructed element, in their order. */
export function* elementsOf(bytes: Uint8Array, outer: DerElement): Generator<DerElement> {
  for (let at = outer.content; at < outer.end; ) {
    const element = readElement(bytes, at, outer.end);
    yield element;
    at = element.end;
  }
}

/** An INTEGER in lower-case hexadecimal without leading zeros; `-` in front of a negative one. */
export function integerHex(bytes: Uint8Array, element: DerElement): string {
  const digits = hex(bytes, element.content, element.end);
  if (digits === '') throw new Error('an integer without content');
  // The top bit set says negative (X.690 section 8.3): no CA should, and what OpenSSL prints then is minus the rest.
  if ((bytes[element.content] ?? 0) < 0x80) return digits.replace(/^0+(?=.)/, '');
  return BigInt.asIntN(digits.length * 4, BigInt(`0x${digits}`)).toString(16);
}

/**
 * A UTCTime or GeneralizedTime in the only form that RFC 5280 section 4.1.2.5 allows: to the second, in UTC.
 *
 * @returns milliseconds since 1970.
 */
export function timeMs(bytes: Uint8Array, element: DerElement): number {
  const length = Math.min(element.end - element.content, TIME_BYTES);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + element.content, length).toString('latin1');
  const isUtc = element.tag === DER_TAGS.utcTime;
  const match = (isUtc ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(
    text,
  );
  if (match === null || (!isUtc && element.tag !== DER_TAGS.generalizedTime))
    throw new Error('a time that cannot be read');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = isUtc ? year + (year < 50 ? 2000 : 1900) : year;
  const ms = Date.UTC(fullYear, month - 1, day, hour, minute, second);
  // Date.UTC carries over: a 31st of February is no date.
  if (new Date(ms).getUTCDate() !== day || new Date(ms).getUTCMonth() !== month - 1) {
    throw new Error('a time that cannot be read');
  }
  return ms;
}

/** Bytes as lower-case hexadecimal. */
export function hex(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('hex');
}

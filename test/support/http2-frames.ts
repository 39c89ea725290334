/** Frame types of RFC 9113 section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags; which of them a frame may have is in section 6 as well. ACK and END_STREAM are the same bit. */
export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Error codes that refusals come with (section 7). */
export const ERROR = { none: 0, protocol: 1, internal: 2, cancel: 8, calm: 11 } as const;

/** What a client sends before its first frame (section 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Octets of the header of every frame. */
export const FRAME_HEADER_BYTES = 9;

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** One frame as bytes, whether the protocol allows it there or not. */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A SETTINGS frame of identifiers and values in turn. */
export function settings(...pairs: readonly (readonly [identifier: number, value: number])[]): Buffer {
  const payload = pairs.map(([identifier, value]) => Buffer.concat([Buffer.from([0, identifier]), uint32(value)]));
  return frame(FRAME.settings, 0, 0, Buffer.concat(payload));
}

/** SETTINGS_INITIAL_WINDOW_SIZE, section 6.5.2. */
export const INITIAL_WINDOW_SIZE = 4;

export const settingsAck = (): Buffer => frame(FRAME.settings, FLAG.ack, 0);
export const ping = (): Buffer => frame(FRAME.ping, 0, 0, Buffer.alloc(8));
export const resetStream = (stream: number, code: number): Buffer => frame(FRAME.rstStream, 0, stream, uint32(code));
export const windowUpdate = (stream: number, bytes: number): Buffer =>
  frame(FRAME.windowUpdate, 0, stream, uint32(bytes));
export const data = (stream: number, payload: string | Buffer, flags = 0): Buffer =>
  frame(FRAME.data, flags, stream, Buffer.from(payload));

/** A header block in which every name and value is a literal that nobody remembers (RFC 7541 section 6.2.2). */
export function headerBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), hpackString(name), hpackString(value)]));
}

/** A literal that the receiver's table shall remember, at index 62 until the next one (section 6.2.1). */
export function rememberedHeader(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), hpackString(name), hpackString(value)]);
}

/** A field of the receiver's table by its index (section 6.1). */
export const indexedHeader = (index: number): Buffer => Buffer.from([0x80 | index]);

/** A HEADERS frame; complete unless told. */
export function headers(stream: number, block: Buffer, flags: number = FLAG.endStream | FLAG.endHeaders): Buffer {
  return frame(FRAME.headers, flags, stream, block);
}

/** The fields of a request as they must be. */
export function requestFields(
  method: string,
  path: string,
  more: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  return [[':method', method], [':scheme', 'https'], [':authority', 'localhost'], [':path', path], ...more];
}

/** A whole GET. */
export const get = (stream: number, path: string, more: readonly (readonly [string, string])[] = []): Buffer =>
  headers(stream, headerBlock(requestFields('GET', path, more)));

/** A string without Huffman coding; its length is an integer with a prefix of seven bits (section 5.1). */
function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** The status that a header block of a server begins with; 0 when it begins with something else. */
export function statusOf(block: Buffer): number {
  // A change of the table's size may come first (RFC 7541 section 6.3); ours are short.
  let at = 0;
  while (((block[at] ?? 0) & 0xe0) === 0x20) at++;
  const first = block[at] ?? 0;
  const indexed = [200, 204, 206, 304, 400, 404, 500][first - 0x88];
  if (indexed !== undefined) return indexed;
  // :status is the name at index 8 of the static table; how the literal is to be remembered does not matter.
  if (![0x08, 0x18, 0x48].includes(first)) return 0;
  const length = block[at + 1] ?? 0;
  const value = block.subarray(at + 2, at + 2 + (length & 127));
  return Number(length < 128 ? value.toString('latin1') : huffmanDigits(value));
}

/** Digits in the Huffman code of RFC 7541 appendix B: 0, 1 and 2 have five bits, the others six. */
function huffmanDigits(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  while (bits.length >= 5) {
    const five = Number.parseInt(bits.slice(0, 5), 2);
    const six = Number.parseInt(bits.slice(0, 6), 2) - 0b011001;
    if (five <= 2) digits += five;
    else if (bits.length >= 6 && six >= 0 && six <= 6) digits += six + 3;
    else break;
    bits = bits.slice(five <= 2 ? 5 : 6);
  }
  return digits;
}

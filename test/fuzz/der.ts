import fc from 'fast-check';

/** A DER value: its tag byte, and either its parts or its bytes. */
interface Value {
  tag: number;
  parts: Value[] | undefined;
  bytes: Buffer;
}

/** Bytes of a length that is written in more than one byte. */
const LONG_FORM = 0x80;
const CONSTRUCTED = 0x20;
/** Nesting at which bytes are taken as they are. */
const MAX_DEPTH = 24;

function read(bytes: Buffer, depth: number): Value[] | undefined {
  const values: Value[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? -1;
    at += 2;
    if (length >= LONG_FORM) {
      const size = length - LONG_FORM;
      if (size === 0 || size > 4 || at + size > bytes.length) return undefined;
      length = bytes.readUIntBE(at, size);
      at += size;
    }
    if (length < 0 || at + length > bytes.length) return undefined;
    const inside = bytes.subarray(at, at + length);
    // An octet or bit string may hold DER as well: extensions do.
    const wrapped = tag === 0x04 || (tag & CONSTRUCTED) !== 0;
    const parts = wrapped && depth < MAX_DEPTH && length > 0 ? read(inside, depth + 1) : undefined;
    values.push({ tag, parts, bytes: inside });
    at += length;
  }
  return values;
}

function write({ tag, parts, bytes }: Value): Buffer {
  const inside = parts === undefined ? bytes : Buffer.concat(parts.map(write));
  if (inside.length < LONG_FORM) return Buffer.concat([Buffer.from([tag, inside.length]), inside]);
  const size = inside.length < 0x100 ? 1 : inside.length < 0x10000 ? 2 : 3;
  const head = Buffer.alloc(2 + size);
  head[0] = tag;
  head[1] = LONG_FORM + size;
  head.writeUIntBE(inside.length, 2, size);
  return Buffer.concat([head, inside]);
}

function all(values: readonly Value[]): Value[] {
  return values.flatMap((value) => [value, ...all(value.parts ?? [])]);
}

const copy = (value: Value): Value => ({ ...value, parts: value.parts?.map(copy) });

/** Tags of the strings that names are made of. */
const STRINGS = [0x0c, 0x13, 0x14, 0x16, 0x1a, 0x1c, 0x1e];

/** Texts that are not UTF-8 (cut, overlong, half a surrogate pair), or that some readers read less of. */
const ODD_TEXTS = ['c3a9', 'c3', '61ff', 'c080', 'eda080', 'efbbbf61', '6100', 'e280ae61', '0061'];

type Change = 'retag' | 'empty' | 'double' | 'drop' | 'swap' | 'bytes' | 'transplant' | 'wrap';

/** Tags that mean something in certificates: strings of every type, times, numbers, names. */
const TAGS = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1a, 0x1c, 0x1e, 0x24, 0x2c, 0x30, 0x31,
  0x81, 0x82, 0x86, 0xa0, 0xa3,
];

/**
 * Well-formed DER of a corpus (hex) with up to four of its values changed: another tag, no content, twice, away, swapped,
 * other bytes, a value of another document in its place. Lengths are made right again, so that it gets past a framing check.
 */
export function mutatedDer(corpus: readonly string[]): fc.Arbitrary<string> {
  const change = fc.record({
    kind: fc.constantFrom<Change>(
      'bytes',
      'bytes',
      'retag',
      'empty',
      'double',
      'drop',
      'swap',
      'bytes',
      'transplant',
      'wrap',
    ),
    at: fc.nat(0xffff),
    // Names are a few values of many, and what matters most.
    inName: fc.boolean(),
    other: fc.nat(0xffff),
    tag: fc.constantFrom(...TAGS),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('', 'admin', 'oran-client\0', '*', '\u202e', 'a'.repeat(65), '*.example')
        .map((text) => Buffer.from(text)),
      fc.constantFrom(...ODD_TEXTS).map((hex) => Buffer.from(hex, 'hex')),
    ),
  });
  return fc.tuple(fc.nat(corpus.length - 1), fc.array(change, { maxLength: 4 })).map(([index, changes]) => {
    const values = read(Buffer.from(corpus[index] ?? '', 'hex'), 0) ?? [];
    for (const { kind, at, inName, other, tag, bytes } of changes) {
      const known = all(values);
      const names = known.filter((one) => STRINGS.includes(one.tag));
      const among = inName && names.length > 0 ? names : known;
      const value = among[at % among.length];
      if (value === undefined) continue;
      const parent = known.find(({ parts }) => parts?.includes(value));
      const place = parent?.parts?.indexOf(value) ?? 0;
      if (kind === 'retag') value.tag = inName ? (STRINGS[tag % STRINGS.length] ?? tag) : tag;
      else if (kind === 'empty') Object.assign(value, { parts: undefined, bytes: Buffer.alloc(0) });
      else if (kind === 'bytes') Object.assign(value, { parts: undefined, bytes });
      else if (kind === 'wrap') Object.assign(value, { tag, parts: [copy(value)] });
      else if (kind === 'double') parent?.parts?.splice(place, 0, copy(value));
      else if (kind === 'drop') parent?.parts?.splice(place, 1);
      else if (kind === 'swap') parent?.parts?.reverse();
      else {
        const donor = all(read(Buffer.from(corpus[other % corpus.length] ?? '', 'hex'), 0) ?? []);
        const found = donor[other % Math.max(1, donor.length)];
        if (found !== undefined) Object.assign(value, copy(found));
      }
    }
    return Buffer.concat(values.map(write)).toString('hex');
  });
}

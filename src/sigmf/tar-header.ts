/** Bytes of a block of a tar archive. */
export const TAR_BLOCK_BYTES = 512;

/** Bytes that the size field of a ustar header can state: eleven octal digits. A longer member needs a pax record. */
const MAX_USTAR_BYTES = 8 ** 11 - 1;

/** Bytes of a name that a ustar header holds without its prefix field. */
const MAX_NAME_BYTES = 100;

/** A file in a tar archive. */
export interface TarMember {
  /** ASCII, 100 characters at most; `/` between folders. */
  readonly name: string;
  readonly bytes: number;
  /** Whole seconds since 1970; what lies before is written as 0, for the field has no sign. */
  readonly modifiedS: number;
}

/**
 * The header of a file in a tar archive of POSIX.1-2001: a ustar header, behind an extended one (pax) where the size does
 * not fit. Whole blocks.
 *
 * @param isExtended gives it the extended one in any case: three blocks whatever the size.
 * @throws RangeError for a name that does not fit.
 */
export function tarHeader(member: TarMember, isExtended = false): Buffer {
  if (!/^[\x21-\x7e]+$/.test(member.name) || member.name.length > MAX_NAME_BYTES) {
    throw new RangeError(`"${member.name}" is no name for a tar archive`);
  }
  if (member.bytes <= MAX_USTAR_BYTES && !isExtended) return ustarHeader(member, '0');
  const record = paxRecord('size', String(member.bytes));
  const extended = { ...member, name: 'PaxHeaders/size', bytes: record.length };
  // What the pax record says wins; the field it replaces holds what it can (POSIX.1-2001, pax, "size").
  return Buffer.concat([
    ustarHeader(extended, 'x'),
    record,
    tarPadding(record.length),
    ustarHeader({ ...member, bytes: member.bytes <= MAX_USTAR_BYTES ? member.bytes : 0 }, '0'),
  ]);
}

/** Zeros from the end of a file of `bytes` bytes to the next block. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((TAR_BLOCK_BYTES - (bytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES);
}

/** What a tar archive ends with: two blocks of zeros. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * TAR_BLOCK_BYTES);
}

function ustarHeader({ name, bytes, modifiedS }: TarMember, type: '0' | 'x'): Buffer {
  const block = Buffer.alloc(TAR_BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  };
  block.write(name, 0, 'latin1');
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes, 124, 11);
  octal(Math.max(0, modifiedS), 136, 11);
  block.fill(' ', 148, 156);
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.from(`${length}${rest}`, 'latin1');
}

import * as asn1js from 'asn1js';

/** Characters of a subject attribute: ub-common-name and its siblings of RFC 5280 appendix A.1. */
const MAX_NAME_CHARACTERS = 64;

/** Control, format (bidirectional overrides, zero width), unpaired surrogates, line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of a directory string, decoded from its own bytes: UTF8String strictly, PrintableString and IA5String as ASCII.
 *
 * @returns undefined for anything else: other string types (TeletexString has no agreed meaning), constructed encodings
 * and bytes that are not what the type says.
 */
export function textOf(value: unknown): string | undefined {
  const known =
    value instanceof asn1js.Utf8String || value instanceof asn1js.PrintableString || value instanceof asn1js.IA5String;
  if (!known || value.idBlock.isConstructed) return undefined;
  const bytes = value.valueBlock.valueHexView;
  if (!(value instanceof asn1js.Utf8String) && bytes.some((byte) => byte > 0x7f)) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** What is wrong with a name, to be put after "the CN"; undefined when nothing is. */
export function nameFault(name: string): string | undefined {
  if (name.trim() === '') return 'is empty';
  if ([...name].length > MAX_NAME_CHARACTERS) return `is longer than ${MAX_NAME_CHARACTERS} characters`;
  if (UNPRINTABLE.test(name)) return 'has control characters in it';
  return undefined;
}

/** Whether a value is a non-empty string of printable ASCII without spaces, as DNS names, URIs and addresses are. */
export function printableAscii(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

import { PassbandError } from '../../errors.ts';
import { type FieldRange, INTEGER_BOUNDS, type IntegerKind } from '../../field-range.ts';
import type { Scalar } from './message.ts';
import type { EnumPlan, FieldPlan, ScalarKind } from './plan.ts';

/** Characters of a place that an error repeats: a caller's own names may be as long as a request. */
const MAX_WHERE_LENGTH = 256;

/** Signals a value that does not fit its field; the message says where. */
export function invalid(place: string, why: string): PassbandError {
  const where = place.length > MAX_WHERE_LENGTH ? `${place.slice(0, MAX_WHERE_LENGTH)}…` : place;
  return new PassbandError('INVALID_ARGUMENT', `${where}: ${why}`, {
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: where, description: why }],
      },
    ],
  });
}

const WIDE: ReadonlySet<ScalarKind> = new Set(['int64', 'sint64', 'sfixed64', 'uint64', 'fixed64']);

/** Characters of a number's text; the exact decimal expansion of the smallest double has 1,077. */
const MAX_NUMBER_LENGTH = 1_100;
/** Digits that a decimal exponent may move the point: more than any 64-bit integer has. */
const MAX_INTEGER_EXPONENT = 40;
/** Largest finite value of an IEEE 754 binary32. */
const MAX_FLOAT = 3.4028234663852886e38;

/** An integer that a double holds exactly, written plainly. */
const PLAIN_INTEGER = /^-?(?:0|[1-9][0-9]{0,14})$/;

/**
 * The integer that a decimal text means: `12`, `-0`, `1.0`, `2.5e1`. Undefined when it is no number, or no whole one.
 * Exact for any size, unlike parseFloat.
 */
function parseInteger(text: string): bigint | number | undefined {
  // Most are; a bigint is slow to make. And -0 is 0.
  if (PLAIN_INTEGER.test(text)) return Number(text) + 0;
  if (text.length > MAX_NUMBER_LENGTH) return undefined;
  const parts = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,9}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = '', fraction = '', exponentText = '0'] = parts;
  const shift = Number(exponentText) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return 0n;
  let value: bigint;
  if (shift >= 0) {
    if (shift > MAX_INTEGER_EXPONENT) return undefined;
    value = digits * 10n ** BigInt(shift);
  } else {
    const divisor = 10n ** BigInt(Math.min(-shift, MAX_NUMBER_LENGTH + 1));
    if (digits % divisor !== 0n) return undefined;
    value = digits / divisor;
  }
  return sign === '-' ? -value : value;
}

/**
 * A number's text as a value of an integer kind; bigint for 64 bits.
 *
 * @param range what the field takes: where the text is nothing of its type, the message names this and not the type.
 */
export function integer(kind: IntegerKind | 'enum', text: string, where: string, range?: FieldRange): number | bigint {
  const value = parseInteger(text);
  const [least, most] = INTEGER_BOUNDS[kind === 'enum' ? 'int32' : kind];
  if (value === undefined) throw invalid(where, range?.text ?? `must be a whole number of type ${kind}`);
  if (value < least || value > most) throw invalid(where, range?.text ?? `must be from ${least} to ${most} (${kind})`);
  return WIDE.has(kind) ? BigInt(value) : Number(value);
}

/** A number's text as a float or double; `NaN`, `Infinity` and `-Infinity` where `special` is allowed. */
export function floating(
  kind: 'float' | 'double',
  text: string,
  special: boolean,
  where: string,
  range?: FieldRange,
): number {
  if (special) {
    if (text === 'NaN') return Number.NaN;
    if (text === 'Infinity') return Number.POSITIVE_INFINITY;
    if (text === '-Infinity') return Number.NEGATIVE_INFINITY;
  }
  const isNumber = text.length <= MAX_NUMBER_LENGTH && /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text);
  const value = isNumber ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw invalid(where, range?.text ?? `must be a number of type ${kind}`);
  if (!Number.isFinite(value) || (kind === 'float' && Math.abs(value) > MAX_FLOAT)) {
    throw invalid(where, range?.text ?? `is out of the range of type ${kind}`);
  }
  // The number that the wire will hold is the one to decide on.
  return kind === 'float' ? Math.fround(value) : value;
}

/** Bytes from base64 in the standard or the URL-safe alphabet, padded or not. */
export function base64(text: string, where: string): Buffer {
  const unpadded = text.endsWith('==') ? text.slice(0, -2) : text.endsWith('=') ? text.slice(0, -1) : text;
  const padding = text.length - unpadded.length;
  if (!/^[A-Za-z0-9+/_-]*$/.test(unpadded) || unpadded.length % 4 === 1 || (padding > 0 && text.length % 4 !== 0)) {
    throw invalid(where, 'must be base64');
  }
  return Buffer.from(unpadded, 'base64');
}

/** A string, refused when it has a lone surrogate: that has no UTF-8 form. */
export function unicode(text: string, where: string): string {
  if (!text.isWellFormed()) throw invalid(where, 'must be valid Unicode; it has a lone surrogate');
  return text;
}

/** An enum value by its name. */
export function enumByName(plan: EnumPlan, name: string, where: string): number {
  const number = plan.byName.get(name);
  if (number !== undefined) return number;
  throw noSuchValue(plan, where);
}

/** An enum value by the text of its number; one that the enum does not name is kept, unless the enum is closed. */
export function enumByNumber(plan: EnumPlan, text: string, where: string): number {
  const number = Number(integer('enum', text, where));
  if (plan.closed && !plan.byNumber.has(number)) throw noSuchValue(plan, where);
  return number;
}

/** Values that an error lists. */
const MAX_LISTED = 20;

function noSuchValue(plan: EnumPlan, where: string): PassbandError {
  const names = [...plan.byName.keys()];
  const some = names.slice(0, MAX_LISTED).join(', ') + (names.length > MAX_LISTED ? ', …' : '');
  return invalid(where, `must be one of ${some}`);
}

/** A scalar from the text of a path segment or query parameter. */
export function scalarFromText(field: FieldPlan, text: string, where: string): Scalar {
  switch (field.kind) {
    case 'string':
      return unicode(text, where);
    case 'bytes':
      return base64(text, where);
    case 'bool':
      if (text === 'true') return true;
      if (text === 'false') return false;
      throw invalid(where, 'must be true or false');
    case 'float':
    case 'double':
      return floating(field.kind, text, true, where, field.range);
    case 'enum':
      if (/^-?[0-9]+$/.test(text)) return enumByNumber(field.enum ?? NO_ENUM, text, where);
      return enumByName(field.enum ?? NO_ENUM, text, where);
    case 'message':
      throw invalid(where, 'is a message; name one of its fields');
    default:
      return integer(field.kind, text, where, field.range);
  }
}

const NO_ENUM: EnumPlan = {
  fullName: '',
  byName: new Map(),
  byNumber: new Map(),
  defaultNumber: 0,
  closed: false,
};

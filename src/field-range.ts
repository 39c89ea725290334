import protobuf from 'protobufjs';
import { UsageError } from './errors.ts';
import { isRecord } from './is-record.ts';
import { protoOption } from './proto-option.ts';

/** Passband's own field option that says which numbers a field takes. */
const OPTION = '(passband.v1.range)';

const OPTION_KEYS: ReadonlySet<string> = new Set(['min', 'max', 'unit', 'zero', 'limits', 'what']);

const SIGNED_32 = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const UNSIGNED_32 = [0n, 2n ** 32n - 1n] as const;
const SIGNED_64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const UNSIGNED_64 = [0n, 2n ** 64n - 1n] as const;

/** The least and the greatest number of each integer type. */
export const INTEGER_BOUNDS = {
  int32: SIGNED_32,
  sint32: SIGNED_32,
  sfixed32: SIGNED_32,
  uint32: UNSIGNED_32,
  fixed32: UNSIGNED_32,
  int64: SIGNED_64,
  sint64: SIGNED_64,
  sfixed64: SIGNED_64,
  uint64: UNSIGNED_64,
  fixed64: UNSIGNED_64,
} as const;

/** Types of integers. */
export type IntegerKind = keyof typeof INTEGER_BOUNDS;

/** Which numbers a field takes, as `(passband.v1.range)` says. */
export interface FieldRange {
  /** Undefined where the limits move. */
  readonly min: number | bigint | undefined;
  readonly max: number | bigint | undefined;
  /** Unit as messages name it. */
  readonly unit: string;
  /** What 0 does or means, where it is taken besides: `means 1024`. */
  readonly zero: string | undefined;
  /** Limits that move, in words: `at most 5 s after now`. */
  readonly limits: string | undefined;
  /** What a value must be: `must be a whole number from 1 to 262144 samples`. */
  readonly text: string;
}

/** Whether a type of fields is one of integers. */
export function isIntegerKind(kind: string): kind is IntegerKind {
  return Object.hasOwn(INTEGER_BOUNDS, kind);
}

/**
 * The numbers that a field takes by its option; undefined without one.
 *
 * @throws UsageError for an option that makes no sense: it names the field.
 */
export function fieldRange(field: protobuf.Field): FieldRange | undefined {
  const given = protoOption(field, OPTION);
  if (given === undefined) return undefined;
  const refuse = (message: string): never => {
    throw new UsageError(`${field.fullName.slice(1)}: ${OPTION} ${message}`);
  };
  const isFloating = field.type === 'double' || field.type === 'float';
  if (field instanceof protobuf.MapField || !(isFloating || isIntegerKind(field.type))) {
    return refuse('is for numbers; take it away');
  }
  if (!isRecord(given)) return refuse('is not one message');
  const unknown = Object.keys(given).find((key) => !OPTION_KEYS.has(key));
  if (unknown !== undefined) return refuse(`has no field "${unknown}"`);
  const { min, max, unit, zero, limits, what } = given;
  for (const [name, value] of Object.entries({ min, max })) {
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isFinite(value)) return refuse(`needs one finite number as ${name}`);
    if (limits !== undefined) return refuse(`has limits in words; leave ${name} out`);
    if (isIntegerKind(field.type) && !isOf(field.type, value)) return refuse(`has a ${name} that is no ${field.type}`);
  }
  if (typeof unit !== 'string' || unit === '') return refuse('needs a unit');
  if (zero !== undefined && typeof zero !== 'string') return refuse('has several texts for zero');
  if (limits !== undefined && typeof limits !== 'string') return refuse('has several texts for limits');
  const [least, most] = isIntegerKind(field.type) ? INTEGER_BOUNDS[field.type] : [];
  const from = typeof min === 'number' ? min : least;
  const to = typeof max === 'number' ? max : most;
  if (what !== undefined && typeof what !== 'string') return refuse('has several texts for what');
  const words = `must be ${what ?? (isFloating ? 'a number' : 'a whole number')}`;
  const orZero = zero === undefined ? '' : `, or 0, which ${zero}`;
  if (limits !== undefined) {
    return { min: undefined, max: undefined, unit, zero, limits, text: `${words} of ${unit}, ${limits}${orZero}` };
  }
  if (from === undefined || to === undefined) return refuse('needs min and max, or limits');
  if (from > to) return refuse('has a min above its max');
  return { min: from, max: to, unit, zero, limits, text: `${words} from ${from} to ${to} ${unit}${orZero}` };
}

function isOf(kind: IntegerKind, value: number): boolean {
  const [least, most] = INTEGER_BOUNDS[kind];
  return Number.isInteger(value) && BigInt(value) >= least && BigInt(value) <= most;
}

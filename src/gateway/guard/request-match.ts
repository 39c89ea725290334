import { matches } from './pattern.ts';
import type { Entry, FieldCondition, FieldTest } from './policy.ts';

/** A request by proto field names (snake_case), nested messages as nested objects. */
export type RequestView = Readonly<Record<string, unknown>>;

/** Whether all of a request is known, or a part: then whatever may still come is taken to be as a rule wants it. */
export type Extent = 'whole' | 'part';

/** The first condition of an entry's `where` that a request does not meet; undefined when it meets all. */
export function unmetCondition(
  entry: Entry,
  request: RequestView,
  extent: Extent = 'whole',
): FieldCondition | undefined {
  return entry.where.find((condition) => {
    const mayStillCome = extent === 'part' && valueAt(condition.path, request) === undefined;
    return !mayStillCome && !isMet(condition, request);
  });
}

/** Whether a request asks for more samples a second than an entry lets have. */
export function exceedsSampleRate(entry: Entry, method: string, request: RequestView): boolean {
  const { maxSampleRateHz } = entry.limits;
  if (maxSampleRateHz === undefined) return false;
  const paths = entry.sampleRates.get(method) ?? [];
  const test: FieldTest = { kind: 'bounds', min: Number.NEGATIVE_INFINITY, max: maxSampleRateHz };
  return paths.some((path) => {
    const value = valueAt(path, request);
    return value !== undefined && value !== null && !everyPasses(value, test);
  });
}

function isMet({ path, test, absent }: FieldCondition, request: RequestView): boolean {
  const value = valueAt(path, request, absent);
  return everyPasses(value, test);
}

/** Follows own properties only, so that "constructor" and its like are no fields. */
function valueAt(path: readonly string[], request: unknown, absent?: string): unknown {
  let value = request;
  let left = path.length;
  for (const name of path) {
    left--;
    if (typeof value !== 'object' || value === null) return undefined;
    if (Object.hasOwn(value, name)) value = Reflect.get(value, name);
    else return left === 0 ? absent : undefined;
  }
  return value;
}

/** Of a repeated field every element must pass, and there must be one. */
function everyPasses(value: unknown, test: FieldTest): boolean {
  if (!Array.isArray(value)) return passes(value, test);
  return value.length > 0 && value.every((element) => passes(element, test));
}

function passes(value: unknown, test: FieldTest): boolean {
  const text = textOf(value);
  if (text === '') return false;
  switch (test.kind) {
    case 'patterns':
      return test.patterns.some((pattern) => matches(pattern, text));
    case 'values':
      return test.values.includes(text);
    case 'bounds': {
      // 64-bit integers in full. Written so that what is no number (NaN) is refused.
      const number = /^-?\d{16,20}$/.test(text) ? BigInt(text) : Number(text);
      return number >= test.min && number <= test.max;
    }
    default:
      return test satisfies never;
  }
}

/** The text of a scalar; empty, which passes nothing, for what is none. */
function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return value !== null && isLong(value) ? String(value) : '';
    default:
      return '';
  }
}

/** A 64-bit integer of the "long" package: two halves and a text of its own, which a message with such fields has not. */
function isLong(value: object): boolean {
  return Object.hasOwn(value, 'low') && Object.hasOwn(value, 'high') && value.toString !== Object.prototype.toString;
}

import { MAX_VIEWED_BYTES, MAX_VIEWED_CHARACTERS, MAX_VIEWED_ELEMENTS, type RequestView } from '../../request-view.ts';
import { matches } from './pattern.ts';
import type { Entry, FieldCondition, FieldTest } from './policy.ts';

/** Whether all of a request is known, or a part: then whatever may still come is taken to be as a rule wants it. */
export type Extent = 'whole' | 'part';

/** The first condition of an entry's `where` that a request does not meet; undefined when it meets all. */
export function unmetCondition(
  entry: Entry,
  request: RequestView,
  extent: Extent = 'whole',
): FieldCondition | undefined {
  return entry.where.find((condition) => {
    const { path, test, absent } = condition;
    const mayStillCome = extent === 'part' && valuesAt(path, request).every((value) => value === undefined);
    return !mayStillCome && !allPass(valuesAt(path, request, absent), test);
  });
}

/** Whether a request asks for more samples a second than an entry lets have. */
export function exceedsSampleRate(entry: Entry, method: string, request: RequestView): boolean {
  const { maxSampleRateHz } = entry.limits;
  if (maxSampleRateHz === undefined) return false;
  const paths = entry.sampleRates.get(method) ?? [];
  const test: FieldTest = { kind: 'bounds', min: Number.NEGATIVE_INFINITY, max: maxSampleRateHz };
  return paths.some((path) => {
    const values = valuesAt(path, request).filter((value) => value !== undefined && value !== null);
    return values.length > 0 && !allPass(values, test);
  });
}

/**
 * What a path leads to: one value, or, over lists and maps, one for each element. Undefined stands for each that is not
 * there. One more than the most is enough to know that there are too many.
 *
 * @param absent the value of a field that is not there, inside a message that is.
 */
function valuesAt(path: readonly string[], request: RequestView, absent?: string): readonly unknown[] {
  const values: unknown[] = [];
  gather(request, path, 0, absent, values);
  return values;
}

/**
 * Follows own properties only, so that "constructor" and its like are no fields. Everything on the way leads to one value
 * at least: a list without elements to one that is not there, as on the wire.
 */
function gather(at: unknown, path: readonly string[], depth: number, absent: string | undefined, to: unknown[]): void {
  const name = path[depth];
  if (Array.isArray(at) ? at.length === 0 : at instanceof Map && at.size === 0) to.push(undefined);
  else if (Array.isArray(at)) {
    for (const element of at) {
      if (to.length > MAX_VIEWED_ELEMENTS) return;
      gather(element, path, depth, absent, to);
    }
  } else if (name === undefined) to.push(at);
  else if (at instanceof Map) {
    for (const [key, value] of at) {
      if (to.length > MAX_VIEWED_ELEMENTS) return;
      gather(name === 'key' ? key : value, path, depth + 1, absent, to);
    }
  } else if (typeof at !== 'object' || at === null) to.push(undefined);
  else if (Object.hasOwn(at, name)) gather(Reflect.get(at, name), path, depth + 1, absent, to);
  else to.push(depth === path.length - 1 ? absent : undefined);
}

/** Of a list every element must pass. */
function allPass(values: readonly unknown[], test: FieldTest): boolean {
  if (values.length > MAX_VIEWED_ELEMENTS) return false;
  let characters = 0;
  return values.every((value) => {
    const text = textOf(value);
    characters += text.length;
    return characters <= MAX_VIEWED_CHARACTERS && passes(text, test);
  });
}

function passes(text: string, test: FieldTest): boolean {
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

/** The text of a scalar, of bytes their hexadecimal digits; empty, which passes nothing, for what is none. */
function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      if (value instanceof Uint8Array) return value.length > MAX_VIEWED_BYTES ? '' : Buffer.from(value).toString('hex');
      return value !== null && isLong(value) ? String(value) : '';
    default:
      return '';
  }
}

/** A 64-bit integer of the "long" package: two halves and a text of its own, which a message with such fields has not. */
function isLong(value: object): boolean {
  return Object.hasOwn(value, 'low') && Object.hasOwn(value, 'high') && value.toString !== Object.prototype.toString;
}

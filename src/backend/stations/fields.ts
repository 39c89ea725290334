import { isRecord } from '../../is-record.ts';
import type { NumberRange } from '../field-checks.ts';

/** Items of a list in settings at most: a scene or a mount has a few. */
const MAX_ITEMS = 256;
/** Characters of a text in settings at most; a path is the longest. */
const MAX_TEXT = 1024;

/** What is wrong with a value of some settings, and where it is. */
export class FieldFault extends Error {
  /** Keys from the root inwards; numbers are positions in lists. */
  readonly path: readonly (string | number)[];

  constructor(path: readonly (string | number)[], message: string) {
    super(message);
    this.path = path;
  }

  /** The path as people write it: `stations[2].rtl_tcp.port`. */
  get place(): string {
    return this.path.reduce<string>(
      (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
      '',
    );
  }
}

/**
 * The members of an object that is read as settings, whether it came from YAML or from a message. Each is read once by its
 * name and must be what it is read as; `done` fails where something is left that nobody knows.
 */
export class Fields {
  readonly path: readonly (string | number)[];
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  /** @throws FieldFault when the value is no object. */
  constructor(value: unknown, path: readonly (string | number)[] = []) {
    if (!isRecord(value)) throw new FieldFault(path, 'must be a mapping (name: value)');
    this.path = path;
    this.#values = value;
  }

  /** All of it, as it was given. */
  get values(): Readonly<Record<string, unknown>> {
    return this.#values;
  }

  /** Fails at a member. */
  fail(name: string, message: string): never {
    throw new FieldFault([...this.path, name], message);
  }

  /** Whether a member is there. */
  has(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  /** A text; undefined when absent or empty. */
  text(name: string): string | undefined {
    const value = this.#get(name);
    if (value === undefined || value === '') return undefined;
    if (typeof value !== 'string') return this.fail(name, 'must be a text');
    if (value.length > MAX_TEXT) this.fail(name, `must have ${MAX_TEXT} characters at most`);
    return value;
  }

  /** A finite number in a range; undefined when absent. */
  number(name: string, { min, max, unit }: NumberRange): number | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    // 64-bit integers of messages are decimal texts.
    const number = typeof value === 'string' && /^-?[0-9]{1,19}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && number >= min && number <= max) return number;
    return this.fail(name, `must be a number from ${min} to ${max} ${unit}`);
  }

  /** A whole number in a range; undefined when absent. */
  integer(name: string, range: NumberRange): number | undefined {
    const number = this.number(name, range);
    if (number === undefined || Number.isInteger(number)) return number;
    return this.fail(name, `must be a whole number from ${range.min} to ${range.max} ${range.unit}`);
  }

  /** True or false; undefined when absent. */
  boolean(name: string): boolean | undefined {
    const value = this.#get(name);
    return value === undefined || typeof value === 'boolean' ? value : this.fail(name, 'must be true or false');
  }

  /** The members of a member; undefined when absent. */
  record(name: string): Fields | undefined {
    const value = this.#get(name);
    return value === undefined ? undefined : new Fields(value, [...this.path, name]);
  }

  /** The items of a list, each with members; none when absent. */
  list(name: string): readonly Fields[] {
    const value = this.#get(name) ?? [];
    if (!Array.isArray(value)) return this.fail(name, 'must be a list');
    if (value.length > MAX_ITEMS) this.fail(name, `must have ${MAX_ITEMS} items at most`);
    return value.map((item, i) => new Fields(item, [...this.path, name, i]));
  }

  /** A member that must be there, read by one of the methods above. */
  need<T>(name: string, value: T | undefined): T {
    return value ?? this.fail(name, 'is missing; add it');
  }

  /** To be called when everything known was read: fails at what is left. */
  done(): void {
    const left = Object.keys(this.#values).find((name) => !this.#read.has(name));
    if (left !== undefined) this.fail(left, `is unknown here; known are ${[...this.#read].sort().join(', ')}`);
  }

  /** A member; nothing and null are absent. */
  #get(name: string): unknown {
    this.#read.add(name);
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }
}

/** An object of a metadata file. */
export type Json = Readonly<Record<string, unknown>>;

/** Limits of a number, and its unit as messages name it. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

/** Ends the reading with a message `FILE: FIELD PROBLEM`. */
export type Fail = (field: string, problem: string) => never;

/** Whether a value is a JSON object. Not taken from src/is-record.ts: this folder knows nothing of ours but errors. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Typed reads of the members of one JSON object; each failure names the member. */
export class SigmfFields {
  readonly #object: Json;
  readonly #where: string;
  readonly #fail: Fail;

  /** @param where how messages name the object, such as `captures[2]`. */
  constructor(object: Json, where: string, fail: Fail) {
    this.#object = object;
    this.#where = where;
    this.#fail = fail;
  }

  /** Names of the members. */
  get names(): readonly string[] {
    return Object.keys(this.#object);
  }

  /** Fails at a member. */
  fail(name: string, problem: string): never {
    return this.#fail(`${this.#where}.${name}`, problem);
  }

  text(name: string): string | undefined {
    const value = this.#get(name);
    return value === undefined || typeof value === 'string' ? value : this.fail(name, 'must be a string');
  }

  boolean(name: string): boolean | undefined {
    const value = this.#get(name);
    return value === undefined || typeof value === 'boolean' ? value : this.fail(name, 'must be true or false');
  }

  /** A number within bounds. */
  number(name: string, { min, max, unit }: Bounds): number | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    return this.fail(name, `must be a number from ${min} to ${max} ${unit}`);
  }

  /** A whole number of at least `min`. The format allows 2^63 - 1, JSON numbers are exact up to 2^53 - 1 only. */
  count(name: string, unit: string, min = 0): number | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
    return this.fail(name, `must be a whole number from ${min} to ${Number.MAX_SAFE_INTEGER} ${unit}`);
  }

  /** A list of objects. */
  list(name: string): readonly SigmfFields[] | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    const place = this.#where === '' ? name : `${this.#where}.${name}`;
    if (!Array.isArray(value)) return this.#fail(place, 'must be an array');
    return value.map((entry: unknown, i) =>
      isObject(entry)
        ? new SigmfFields(entry, `${place}[${i}]`, this.#fail)
        : this.#fail(`${place}[${i}]`, 'must be an object'),
    );
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }
}

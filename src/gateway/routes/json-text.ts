import { PassbandError } from '../../errors.ts';
import { echoed } from './echoed.ts';

/** A number with its text kept, so that 64-bit integers lose nothing. */
export interface JsonNumber {
  readonly number: string;
}

/** A JSON document as it was written: numbers by their text, objects by their members in order. */
export type JsonValue = null | boolean | string | JsonNumber | JsonArray | JsonObject;
export interface JsonArray {
  readonly array: readonly JsonValue[];
}
export interface JsonObject {
  readonly members: ReadonlyMap<string, JsonValue>;
}

/** Nesting of arrays and objects. Protobuf's own limit for messages is 100. */
export const MAX_JSON_DEPTH = 100;

/** Arrays and objects of a text: empty ones take two bytes of it and some hundred of memory. */
export const MAX_JSON_CONTAINERS = 65_536;

/** Values of a text, in arrays and objects too: a digit and its comma take two bytes of it and a hundred and more of memory. */
export const MAX_JSON_VALUES = 262_144;

/**
 * Reads one JSON text (RFC 8259), strictly: no duplicate member names (two readers could pick different ones), numbers
 * exactly as written, bounded depth and number of values. JSON.parse would round 64-bit integers and keep the last of two members.
 *
 * @throws PassbandError INVALID_ARGUMENT with the position.
 */
export function parseJson(text: string): JsonValue {
  const reader = new JsonReader(text);
  return reader.document();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** All but the quote, the backslash and control characters. */
const PLAIN_STRING = /[ !#-[\]-\uffff]*/y;
const WHITE_SPACE = /[ \t\n\r]*/y;
const LITERALS: readonly (readonly [string, null | boolean])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
];
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
/** Code of the last of the control characters and white space. */
const SPACE = 0x20;

class JsonReader {
  private at = 0;
  private depth = 0;
  private containers = 0;
  private values = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  document(): JsonValue {
    const value = this.value();
    if (this.at < this.text.length) this.fail('unexpected text after the value');
    return value;
  }

  private value(): JsonValue {
    if (++this.values > MAX_JSON_VALUES) this.fail(`more than ${MAX_JSON_VALUES} values`);
    this.space();
    const value = this.bare();
    this.space();
    return value;
  }

  private bare(): JsonValue {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === '{') return this.nested(() => this.object());
    if (first === '[') return this.nested(() => this.array());
    const start = this.at;
    if (this.skip(NUMBER)) return { number: this.text.slice(start, this.at) };
    for (const [word, value] of LITERALS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.fail(first === undefined ? 'the text ends too early' : 'a value is expected');
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_JSON_DEPTH) this.fail(`nested deeper than ${MAX_JSON_DEPTH}`);
    if (++this.containers > MAX_JSON_CONTAINERS) this.fail(`more than ${MAX_JSON_CONTAINERS} arrays and objects`);
    this.at++;
    this.space();
    const value = read();
    this.at++;
    this.depth--;
    return value;
  }

  private object(): JsonObject {
    const members = new Map<string, JsonValue>();
    if (this.text[this.at] === '}') return { members };
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail('a member name in double quotes is expected');
      const name = this.string();
      if (members.has(name)) this.fail(`the member ${JSON.stringify(echoed(name))} is given twice`);
      this.space();
      if (this.text[this.at] !== ':') this.fail('":" is expected');
      this.at++;
      members.set(name, this.value());
      if (this.text[this.at] === '}') return { members };
      if (this.text[this.at] !== ',') this.fail('"," or "}" is expected');
      this.at++;
    }
  }

  private array(): JsonArray {
    const array: JsonValue[] = [];
    if (this.text[this.at] === ']') return { array };
    for (;;) {
      array.push(this.value());
      if (this.text[this.at] === ']') return { array };
      if (this.text[this.at] !== ',') this.fail('"," or "]" is expected');
      this.at++;
    }
  }

  private string(): string {
    const start = this.at++;
    this.skip(PLAIN_STRING);
    const isPlain = this.text[this.at] === '"';
    while (this.text[this.at] !== '"') {
      if (this.text[this.at] !== '\\')
        this.fail(this.at < this.text.length ? 'a control character in a string' : 'the text ends inside a string');
      if (!this.skip(ESCAPE)) this.fail('an unknown escape in a string');
      if (this.text[this.at] !== '\\') this.skip(PLAIN_STRING);
    }
    this.at++;
    if (isPlain) return this.text.slice(start + 1, this.at - 1);
    // It is well-formed by now. Put together escape by escape, it would take thirty bytes for each.
    return JSON.parse(this.text.slice(start, this.at)) as string;
  }

  private space(): void {
    if (this.text.charCodeAt(this.at) <= SPACE) this.skip(WHITE_SPACE);
  }

  /** Goes behind what matches here; false where nothing does. */
  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private fail(why: string): never {
    throw new PassbandError('INVALID_ARGUMENT', `malformed JSON at character ${this.at + 1}: ${why}`);
  }
}

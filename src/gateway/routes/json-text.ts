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

/**
 * Reads one JSON text (RFC 8259), strictly: no duplicate member names (two readers could pick different ones), numbers
 * exactly as written, bounded depth and number of arrays and objects. JSON.parse would round 64-bit integers and keep the last of two members.
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
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class JsonReader {
  private at = 0;
  private depth = 0;
  private containers = 0;
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
    this.run(WHITE_SPACE);
    const value = this.bare();
    this.run(WHITE_SPACE);
    return value;
  }

  private bare(): JsonValue {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === '{') return this.nested(() => this.object());
    if (first === '[') return this.nested(() => this.array());
    for (const [word, value] of LITERALS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const number = this.run(NUMBER);
    if (number === '') this.fail(first === undefined ? 'the text ends too early' : 'a value is expected');
    return { number };
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_JSON_DEPTH) this.fail(`nested deeper than ${MAX_JSON_DEPTH}`);
    if (++this.containers > MAX_JSON_CONTAINERS) this.fail(`more than ${MAX_JSON_CONTAINERS} arrays and objects`);
    this.at++;
    this.run(WHITE_SPACE);
    const value = read();
    this.at++;
    this.depth--;
    return value;
  }

  private object(): JsonObject {
    const members = new Map<string, JsonValue>();
    if (this.text[this.at] === '}') return { members };
    for (;;) {
      this.run(WHITE_SPACE);
      if (this.text[this.at] !== '"') this.fail('a member name in double quotes is expected');
      const name = this.string();
      if (members.has(name)) this.fail(`the member ${JSON.stringify(echoed(name))} is given twice`);
      this.run(WHITE_SPACE);
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
    this.at++;
    let value = '';
    for (;;) {
      value += this.run(PLAIN_STRING);
      const stop = this.text[this.at];
      if (stop === '"') {
        this.at++;
        return value;
      }
      if (stop !== '\\')
        this.fail(stop === undefined ? 'the text ends inside a string' : 'a control character in a string');
      value += this.escape();
    }
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? '';
    const simple = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (simple !== undefined) {
      this.at += 2;
      return simple;
    }
    const hex = this.text.slice(this.at + 2, this.at + 6);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(hex)) this.fail('an unknown escape in a string');
    this.at += 6;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  private run(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  private fail(why: string): never {
    throw new PassbandError('INVALID_ARGUMENT', `malformed JSON at character ${this.at + 1}: ${why}`);
  }
}

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PassbandError } from '../../../src/errors.ts';
import {
  type JsonValue,
  MAX_JSON_CONTAINERS,
  MAX_JSON_DEPTH,
  parseJson,
} from '../../../src/gateway/routes/json-text.ts';

/** As JSON.parse would give it, for texts whose numbers are doubles. */
function plain(json: JsonValue): unknown {
  if (json === null || typeof json !== 'object') return json;
  if ('number' in json) return Number(json.number);
  if ('array' in json) return json.array.map(plain);
  return Object.fromEntries([...json.members].map(([name, value]) => [name, plain(value)]));
}

describe('JSON text', () => {
  test.each([
    ['null', null],
    [' \t\r\n true ', true],
    ['"a\\u0041\\n\\/\\"\\\\"', 'aA\n/"\\'],
    ['"\\ud83d\\ude00 😀"', '😀 😀'],
    ['"\u007f\u2028"', '\u007f\u2028'],
    ['-0.5e-3', { number: '-0.5e-3' }],
    ['123456789012345678901234567890', { number: '123456789012345678901234567890' }],
    ['[]', { array: [] }],
    ['[ 1 , [ ] , {} ]', { array: [{ number: '1' }, { array: [] }, { members: new Map() }] }],
    ['{"__proto__":1}', { members: new Map([['__proto__', { number: '1' }]]) }],
    ['{"":{"a":null}}', { members: new Map([['', { members: new Map([['a', null]]) }]]) }],
  ])('%j', (text, expected) => {
    expect(parseJson(text)).toEqual(expected);
  });

  test.each([
    ['', 1, 'ends too early'],
    ['  ', 3, 'ends too early'],
    ['\ufeff{}', 1, 'a value is expected'],
    ['nul', 1, 'a value is expected'],
    ['nullx', 5, 'unexpected text'],
    ['True', 1, 'a value is expected'],
    ['NaN', 1, 'a value is expected'],
    ['Infinity', 1, 'a value is expected'],
    ['+1', 1, 'a value is expected'],
    ['-', 1, 'a value is expected'],
    ['.5', 1, 'a value is expected'],
    ['01', 2, 'unexpected text'],
    ['1.', 2, 'unexpected text'],
    ['1e', 2, 'unexpected text'],
    ['0x10', 2, 'unexpected text'],
    ["'a'", 1, 'a value is expected'],
    ['"a', 3, 'ends inside a string'],
    ['"a\nb"', 3, 'a control character'],
    ['"\u0000"', 2, 'a control character'],
    ['"\\x41"', 2, 'an unknown escape'],
    ['"\\u12g4"', 2, 'an unknown escape'],
    ['"\\u12', 2, 'an unknown escape'],
    ['"\\', 2, 'an unknown escape'],
    ['[1,]', 4, 'a value is expected'],
    ['[1 2]', 4, '"," or "]"'],
    ['[1', 3, '"," or "]"'],
    ['[', 2, 'ends too early'],
    ['{', 2, 'a member name'],
    ['{a:1}', 2, 'a member name'],
    ['{"a"}', 5, '":" is expected'],
    ['{"a":}', 6, 'a value is expected'],
    ['{"a":1,}', 8, 'a member name'],
    ['{"a":1 "b":2}', 8, '"," or "}"'],
    ['{} {}', 4, 'unexpected text'],
    ['{} // x', 4, 'unexpected text'],
    ['{"a":1,"b":2,"a":1}', 17, '"a" is given twice'],
    ['{"a":1,"\\u0061":1}', 16, '"a" is given twice'],
    ['\u00a01', 1, 'a value is expected'],
  ])('refuses %j at character %d', (text, position, why) => {
    const malformed = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      publicMessage: expect.stringMatching(new RegExp(`^malformed JSON at character ${position}: `)),
    });
    expect(() => parseJson(text)).toThrow(malformed);
    expect(() => parseJson(text)).toThrow(why);
  });

  test('nests as deep as its limit and no deeper', () => {
    const nested = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;
    expect(() => parseJson(nested(MAX_JSON_DEPTH))).not.toThrow();
    const wide = (count: number): string =>
      `[${Array(count - 1)
        .fill('{}')
        .join(',')}]`;
    expect(() => parseJson(wide(MAX_JSON_CONTAINERS))).not.toThrow();
    expect(() => parseJson(wide(MAX_JSON_CONTAINERS + 1))).toThrow('more than 65536 arrays and objects');
    expect(() => parseJson(nested(MAX_JSON_DEPTH + 2))).toThrow('nested deeper than 100');
    expect(() => parseJson('['.repeat(1_000_000))).toThrow('nested deeper than 100');
  });

  test('a very long string, and an error about a very long name', () => {
    const long = 'a'.repeat(32 * 1024 * 1024);
    expect(parseJson(`"${long}"`)).toHaveLength(long.length);
    const name = 'n'.repeat(100_000);
    expect(() => parseJson(`{"${name}":1,"${name}":2}`)).toThrow(/^.{100,300}$/);
  });

  test('means what JSON.parse means', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5, noUnicodeString: false }), (text) => {
        expect(plain(parseJson(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test('any text is JSON for both or for neither, but for repeated names', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '1',
      '-',
      '.',
      'e',
      'null',
      'true',
      ' ',
      '\\',
      '"',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(token).map((all) => all.join('')),
        ),
        (text) => {
          let expected: unknown;
          let valid = true;
          try {
            expected = JSON.parse(text);
          } catch {
            valid = false;
          }
          try {
            expect(plain(parseJson(text))).toEqual(expected);
            expect(valid).toBe(true);
          } catch (error) {
            if (!(error instanceof PassbandError)) throw error;
            expect(valid && !error.message.includes('given twice')).toBe(false);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});

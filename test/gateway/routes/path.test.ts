import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PassbandError } from '../../../src/errors.ts';
import {
  decodeMultiSegment,
  decodeSegment,
  MAX_URL_BYTES,
  parseRequestTarget,
} from '../../../src/gateway/routes/path.ts';

describe('request targets', () => {
  test.each([
    ['/', [], ''],
    ['/?', [], ''],
    ['/?a=1', [], 'a=1'],
    ['/v1/x', ['v1', 'x'], ''],
    ['/v1/x?a=1?b=/../', ['v1', 'x'], 'a=1?b=/../'],
    ['/v1/a%2Fb', ['v1', 'a%2Fb'], ''],
    ['/v1/a;b=c', ['v1', 'a;b=c'], ''],
    ['/v1/..;/x', ['v1', '..;', 'x'], ''],
    ['/v1/...', ['v1', '...'], ''],
    ['/v1/%252e%252e', ['v1', '%252e%252e'], ''],
    ['/v1/%2e%2e%2Fx', ['v1', '%2e%2e%2Fx'], ''],
    ['/v1/x:y', ['v1', 'x:y'], ''],
    ['/v1/%E2%82%AC', ['v1', '%E2%82%AC'], ''],
  ])('%s', (target, segments, query) => {
    expect(parseRequestTarget(target)).toEqual({ segments, query });
  });

  test.each(['/v1/x/', '/v1/', '/v1/x/?y=1'])('finds nothing behind the slash of %j', (target) => {
    expect(() => parseRequestTarget(target)).toThrow(expect.objectContaining({ code: 'NOT_FOUND', status: 404 }));
  });

  test.each([
    ['', 'must begin with "/"'],
    ['*', 'must begin with "/"'],
    ['v1/x', 'must begin with "/"'],
    ['http://other/v1/x', 'must begin with "/"'],
    ['//', 'empty segment'],
    ['//v1', 'empty segment'],
    ['/v1//x', 'empty segment'],
    ['/v1/x//', 'empty segment'],
    ['/v1//x/', 'empty segment'],
    ['/v1/../', '"." or ".."'],
    ['/v1/../x', '"." or ".."'],
    ['/v1/.', '"." or ".."'],
    ['/v1/%2e%2E', '"." or ".."'],
    ['/v1/%2e', '"." or ".."'],
    ['/v1/.%2e/x', '"." or ".."'],
    ['/v1/a%00b', '%00'],
    ['/v1/%', 'malformed percent-encoding'],
    ['/v1/%zz', 'malformed percent-encoding'],
    ['/v1/%C3', 'not UTF-8'],
    ['/v1/%ED%A0%80', 'not UTF-8'],
    ['/v1/%C0%AE%C0%AE', 'not UTF-8'],
    ['/v1/caf\u00e9', 'percent-encode'],
    ['/v1/x?name=\u00e9', 'percent-encode'],
    ['/v1/a b', 'percent-encode'],
    ['/v1/a\\..\\b', 'percent-encode'],
    ['/v1/x#y', 'percent-encode'],
    ['/v1/x\u0000', 'percent-encode'],
    ['/v1/x\r\n', 'percent-encode'],
  ])('refuses %j', (target, why) => {
    const refused = expect(() => parseRequestTarget(target));
    refused.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', status: 400, publicMessage: expect.stringContaining(why) }),
    );
  });

  test('answers 414 to one that is longer than the limit, and only then', () => {
    expect(parseRequestTarget(`/${'a'.repeat(MAX_URL_BYTES - 1)}`).segments).toHaveLength(1);
    expect(() => parseRequestTarget(`/${'a'.repeat(MAX_URL_BYTES)}`)).toThrow(expect.objectContaining({ status: 414 }));
  });

  test.each([
    ['a%2Fb', 'a/b'],
    ['a%2fb', 'a/b'],
    ['a+b', 'a+b'],
    ['%252F', '%2F'],
    ['%3A%3F%23', ':?#'],
  ])('a single segment resolves every encoding: %s', (segment, text) => {
    expect(decodeSegment(segment)).toBe(text);
  });

  test.each([
    [['a', 'b'], 'a/b'],
    [['a%2Fb', 'c%2fd'], 'a%2Fb/c%2fd'],
    [['%20%3A', '%E2%82%AC'], ' :/€'],
    [['%252F'], '%2F'],
    [[], ''],
  ])('a multi-segment variable keeps %%2F: %j', (segments, text) => {
    expect(decodeMultiSegment(segments)).toBe(text);
  });

  test('any text is a path or a PassbandError', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom('/', '%', '2', 'F', 'e', '.', '?', 'a', ':')).map((all) => `/${all.join('')}`),
    );
    fc.assert(
      fc.property(text, (target) => {
        try {
          expect(parseRequestTarget(target).segments.map(decodeSegment)).not.toContain('..');
        } catch (error) {
          expect(error).toBeInstanceOf(PassbandError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

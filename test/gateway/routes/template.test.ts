import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UsageError } from '../../../src/errors.ts';
import { parseTemplate, type Template } from '../../../src/gateway/routes/template.ts';

/** A template in one line: literals quoted, variables as name[start,end) with + where `%2F` is kept, then the verb. */
function shown({ segments, variables, verb }: Template): string {
  const parts = segments.map((segment) => {
    if (segment.kind === 'literal') return `'${segment.text}'`;
    return segment.kind === 'one' ? '*' : '**';
  });
  const bound = variables.map(({ fieldPath, start, end, multiSegment }) => {
    return `${fieldPath.join('.')}[${start},${end})${multiSegment ? '+' : ''}`;
  });
  return [parts.join(' '), bound.join(' '), verb ?? ''].join(' | ');
}

describe('templates of google/api/http.proto', () => {
  test.each([
    ['/', ' |  | '],
    ['/v1', "'v1' |  | "],
    ['/v1/messages/{message_id}', "'v1' 'messages' * | message_id[2,3) | "],
    ['/v1/{name=messages/*}', "'v1' 'messages' * | name[1,3)+ | "],
    ['/v1/{name=*}', "'v1' * | name[1,2) | "],
    ['/v1/{name=messages}', "'v1' 'messages' | name[1,2) | "],
    ['/v1/{name=**}', "'v1' ** | name[1,-1)+ | "],
    ['/v1/{name=a/*/b/**}:undelete', "'v1' 'a' * 'b' ** | name[1,-1)+ | undelete"],
    ['/v1/{a.b.c}/x/{d=*}', "'v1' * 'x' * | a.b.c[1,2) d[3,4) | "],
    ['/{a}/{b}', '* * | a[0,1) b[1,2) | '],
    ['/*/x/**', "* 'x' ** |  | "],
    ['/**', '** |  | '],
    ['/**:verb', '** |  | verb'],
    ['/v1/stations/{station_id}/iq:push', "'v1' 'stations' * 'iq' | station_id[2,3) | push"],
    ['/v1/{id}:start', "'v1' * | id[1,2) | start"],
    ['/v1/{_x9.Y_}', "'v1' * | _x9.Y_[1,2) | "],
    ['/caf%C3%A9', "'café' |  | "],
    ['/a%3Ab:c%3Ad', "'a:b' |  | c:d"],
    ['/a%2Fb', "'a/b' |  | "],
    ["/-._~!$&'()+,;@", "'-._~!$&'()+,;@' |  | "],
    ['/v1/..a/...', "'v1' '..a' '...' |  | "],
  ])('%s', (text, expected) => {
    expect(shown(parseTemplate(text))).toBe(expected);
  });

  test.each([
    ['', 1, '"/" is missing'],
    ['v1/x', 1, '"/" is missing'],
    ['*', 1, '"/" is missing'],
    ['//', 2, 'a segment is missing'],
    ['/v1/', 5, 'a segment is missing'],
    ['/v1//x', 5, 'a segment is missing'],
    ['/v1/:verb', 5, 'a segment is missing'],
    ['/:verb', 2, 'a segment is missing'],
    ['/v1/x:', 7, 'a verb is missing'],
    ['/v1/x:y:z', 8, 'unexpected ":"'],
    ['/v1/x:y/z', 8, 'unexpected "/"'],
    ['/v1/x:{y}', 7, 'a verb is missing'],
    ['/v1/x*', 6, 'unexpected "*"'],
    ['/v1/*x', 6, 'unexpected "x"'],
    ['/v1/***', 7, 'unexpected "*"'],
    ['/v1/{x}y', 8, 'unexpected "y"'],
    ['/v1/x{y}', 6, 'unexpected "{"'],
    ['/v1/}', 5, 'a segment is missing'],
    ['/v1/{', 6, '"" is no field name'],
    ['/v1/{}', 6, '"" is no field name'],
    ['/v1/{=x}', 6, '"" is no field name'],
    ['/v1/{a.}', 8, '"" is no field name'],
    ['/v1/{.a}', 6, '"" is no field name'],
    ['/v1/{a..b}', 8, '"" is no field name'],
    ['/v1/{9a}', 6, '"9a" is no field name'],
    ['/v1/{a-b}', 6, '"a-b" is no field name'],
    ['/v1/{a b}', 6, '"a b" is no field name'],
    ['/v1/{a', 7, '"}" is missing'],
    ['/v1/{a=', 8, 'a segment is missing'],
    ['/v1/{a=}', 8, 'a segment is missing'],
    ['/v1/{a=x:y}', 9, '"}" is missing'],
    ['/v1/{a=/x}', 8, 'a segment is missing'],
    ['/v1/{a=x/}', 10, 'a segment is missing'],
    ['/v1/{a={b}}', 9, 'a variable must not contain another variable'],
    ['/v1/{a=x/{b}/y}', 11, 'a variable must not contain another variable'],
    ['/v1/{a}/{a}', 10, 'field "a" is bound twice'],
    ['/v1/{a.b}/{a.b=x/*}', 12, 'field "a.b" is bound twice'],
    ['/v1/**/x', 5, '"**" must be the last segment'],
    ['/v1/**/**', 5, '"**" must be the last segment'],
    ['/v1/{a=**}/x', 8, '"**" must be the last segment'],
    ['/v1/{a=**/x}', 8, '"**" must be the last segment'],
    ['/v1/{a=**}/{b}', 8, '"**" must be the last segment'],
    ['/v1/a b', 5, '"a b" cannot stand in a path'],
    ['/v1/a?b', 5, '"a?b" cannot stand in a path'],
    ['/v1/a#b', 5, '"a#b" cannot stand in a path'],
    ['/v1/café', 5, '"café" cannot stand in a path'],
    ['/v1/a\\b', 5, '"a\\b" cannot stand in a path'],
    ['/v1/a=b', 6, 'unexpected "="'],
    ['/v1/%', 5, '"%" has a malformed percent-encoding'],
    ['/v1/%zz', 5, '"%zz" has a malformed percent-encoding'],
    ['/v1/%C3', 5, '"%C3" has a malformed percent-encoding'],
    ['/v1/./x', 5, '"." is refused in requests'],
    ['/v1/%2e%2E/x', 5, '"%2e%2E" is refused in requests'],
    ['/v1/a%00', 5, '"a%00" is refused in requests'],
  ])('refuses %j at position %d', (text, position, why) => {
    expect(() => parseTemplate(text)).toThrow(UsageError);
    expect(() => parseTemplate(text)).toThrow(`path template "${text}", position ${position}: ${why}`);
  });

  test('any text is a template or a UsageError', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('/', '*', '**', '{', '}', '=', ':', '.', 'a', 'b_1', '%2F', '%', 'é'))
        .map((all) => `/${all.join('')}`),
    );
    fc.assert(
      fc.property(text, (template) => {
        try {
          const parsed = parseTemplate(template);
          expect(parsed.text).toBe(template);
          for (const { start, end } of parsed.variables) {
            expect(start).toBeLessThan(end === -1 ? parsed.segments.length : end);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

import fc from 'fast-check';
import type { Route } from '../../src/gateway/routes/table.ts';

/** What targets are mutated with. */
export const TOKENS = [
  '%2F',
  '%2f',
  '%252F',
  '/',
  '//',
  '/../',
  '%2e%2e',
  ':',
  '%3A',
  ':start',
  ';',
  '?',
  '%3F',
  '#',
  '%C0%AF',
  'OPEN',
  '%00',
  '?id=x',
  '&n=1',
];
const VALUES = [
  'a',
  'open',
  'gs-1',
  '',
  '.',
  '..',
  'a/b',
  'a:start',
  'a;b',
  'é',
  '📡',
  'a b',
  'a+b',
  '%',
  '%2F',
  '0',
  '-1',
  '-0',
  'NaN',
  '1e3',
  'true',
  'RED',
  '2024-01-01T00:00:00Z',
  '3.5s',
  'people/x',
  'null',
  '\u202e',
  '\ufeff',
];
const FIELDS = [
  'id',
  'n',
  'flag',
  'colour',
  'data',
  'big',
  'ratio',
  'book.name',
  'book.author.name',
  'many',
  'numbers',
  'time',
  'count',
  'mask',
  'maybe',
  'snakeCase',
  'overflow',
  'tag',
  'code',
  'novel.name',
  'blob',
  'small',
  'explicit',
  'implicit',
  'delimited.text',
  'plain.number',
  'shut',
  'inner.text',
  'name',
  'shades',
  'switches',
  'blobs',
  'levels',
  'unsigned',
  'zag',
  'mark',
  'shift',
  'perhaps',
  'shade',
  'sure',
  'seal',
  'yes',
  'paint',
];

type Style = 'as needed' | 'all' | 'lower case' | 'twice' | 'raw';

function encode(text: string, style: Style): string {
  const hex = (byte: number): string => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  const all = [...Buffer.from(text)].map(hex).join('');
  switch (style) {
    case 'all':
      return all;
    case 'lower case':
      return all.toLowerCase();
    case 'twice':
      return encodeURIComponent(encodeURIComponent(text));
    case 'raw':
      return text;
    case 'as needed':
      // What a path may hold as it is (RFC 3986 section 3.3, pchar).
      return encodeURIComponent(text).replaceAll(/%(?:24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent);
    default:
      return style satisfies never;
  }
}

const style = fc.constantFrom<Style>('as needed', 'as needed', 'all', 'lower case', 'twice', 'raw');
const value = fc
  .oneof(fc.constantFrom(...VALUES), fc.string({ unit: 'grapheme', maxLength: 6 }))
  .filter((one) => one.isWellFormed());
const encoded = fc.tuple(value, style).map(([text, how]) => encode(text, how));

/** Requests that fit a route, with values of every kind in every encoding. */
export function requestTo(route: Route): fc.Arbitrary<string> {
  const filled = fc.array(encoded, { minLength: 8, maxLength: 8 });
  const parameter = fc.tuple(fc.constantFrom(...FIELDS), encoded).map(([name, text]) => `${name}=${text}`);
  return fc.tuple(filled, fc.array(parameter, { maxLength: 3 })).map(([values, parameters]) => {
    let at = 0;
    const next = (): string => values[at++ % values.length] ?? '';
    const path = route.template.text
      .replaceAll(/\{[^}=]+\}/g, next)
      .replaceAll(/\{[^}=]+=([^}]+)\}/g, (_, inside: string) => inside.replaceAll(/\*\*?/g, next));
    return `${route.httpMethod} ${path}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
  });
}

/** A request to a route that says little, so that its body may say the rest. */
export function shortRequestTo({ httpMethod, template }: Route): string {
  const path = template.text.replaceAll(/\{[^}=]+\}/g, 'a').replaceAll(/\{[^}=]+=([^}]+)\}/g, '$1');
  return `${httpMethod} ${path.replaceAll(/\*\*?/g, 'a')}`;
}

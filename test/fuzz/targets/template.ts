import fc from 'fast-check';
import { parseTemplate } from '../../../src/gateway/routes/template.ts';
import { mutatedText } from '../mutation.ts';
import { type FuzzTarget, orRefusal, same } from '../target.ts';

const CORPUS = [
  '/',
  '/v1/stations',
  '/v1/stations/{station_id}',
  '/v1/stations/{station_id}/iq:download',
  '/v1/stations/{station_id}/spectrum:stream',
  '/v1/{name=shelves/*/books/*}',
  '/v1/{book.author.name=people/*}/x/{n}',
  '/v1/files/{name=**}:stat',
  '/v1/*/b/**',
  '/a%2Fb/%C3%A9/{x}',
];
const TOKENS = ['{a}', '{a=*}', '{a=**}', '{a.b=c/*}', '**', '/**', ':verb', '%2e', '%2E%2e', '%C3', '{a=*/**}'];

/** The grammar of google/api/http.proto, written a second time, as a pattern. */
const LITERAL = "[A-Za-z0-9\\-._~!$&'()+,;@%]+";
const PLAIN = `(?:\\*\\*|\\*|${LITERAL})`;
const IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const VARIABLE = `\\{${IDENTIFIER}(?:\\.${IDENTIFIER})*(?:=${PLAIN}(?:/${PLAIN})*)?\\}`;
const SEGMENT = `(?:${PLAIN}|${VARIABLE})`;
const TEMPLATE = new RegExp(`^/(?:${SEGMENT}(?:/${SEGMENT})*(?::${LITERAL})?)?$`);

/** Whether a text is a template, by that second reading. */
function isTemplate(text: string): boolean {
  if (!TEMPLATE.test(text)) return false;
  const names = [...text.matchAll(/\{([^=}]+)/g)].map(([, name]) => name);
  if (new Set(names).size < names.length) return false;
  const bare = text.replaceAll(/\{[^=}]+\}/g, '*').replaceAll(/\{[^=}]+=([^}]+)\}/g, '$1');
  const path = bare.replace(/:[^/:]*$/, '');
  if (/\*\*\//.test(path)) return false;
  return bare.split(/[/:]/).every((part) => {
    try {
      const decoded = decodeURIComponent(part);
      return decoded !== '.' && decoded !== '..' && !decoded.includes('\0');
    } catch {
      return false;
    }
  });
}

const name = fc.constantFrom('a', 'b', 'c_1', 'a.b', 'book.name', '_x');
const literal = fc.oneof(fc.constantFrom('v1', 'x-y', '%41', '.', '..', '%2e', '~'), fc.string({ maxLength: 4 }));
const plain = fc.oneof(fc.constantFrom('*', '**'), literal);
const plains = fc.array(plain, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const variable = fc.oneof(
  name.map((one) => `{${one}}`),
  fc.tuple(name, plains).map(([one, inside]) => `{${one}=${inside}}`),
);
const grammar = fc
  .tuple(fc.array(fc.oneof(plain, variable), { maxLength: 5 }), fc.option(literal, { nil: undefined }))
  .map(([parts, verb]) => `/${parts.join('/')}${verb === undefined ? '' : `:${verb}`}`);

/** Path templates: what is accepted is what the grammar says, and is understood part by part. */
export async function templateTarget(): Promise<FuzzTarget<string>> {
  return {
    inputs: fc.oneof(mutatedText(CORPUS, TOKENS), grammar),
    check: (text) => {
      const template = orRefusal(() => parseTemplate(text));
      same('whether it is a template', template !== undefined, isTemplate(text));
      if (template === undefined) return;
      for (const { start, end } of template.variables) {
        const last = end === -1 ? template.segments.length : end;
        if (start >= last || last > template.segments.length) throw new Error('a variable without segments');
      }
    },
  };
}

import fc from 'fast-check';
import { MAX_INPUT_CHARACTERS } from './target.ts';

/** One change to a text. Positions are taken modulo its length, so that every change fits every text. */
interface Mutation {
  readonly kind: 'insert' | 'delete' | 'replace' | 'repeat' | 'flip' | 'splice';
  readonly at: number;
  readonly length: number;
  readonly times: number;
  readonly token: string;
  readonly other: number;
}

/** Characters that mean something to one of the parsers, or that parsers are known to stumble over. */
const TRICKY = [
  '',
  '\0',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '/',
  '.',
  '..',
  '%',
  '%2F',
  '%00',
  '%25',
  ':',
  '*',
  '{',
  '}',
  '=',
  '&',
  ',',
  '"',
  "'",
  '\\',
];
const RARE = [
  '\u0080',
  '\u00ff',
  '\u2028',
  '\ufeff',
  '\ud800',
  '\u{1f4e1}',
  '-',
  '+',
  '0',
  '9'.repeat(20),
  '1e400',
  'NaN',
  '__proto__',
  'constructor',
];

/** Valid texts of a corpus, changed in up to six places; also far too long ones. */
export function mutatedText(corpus: readonly string[], tokens: readonly string[] = []): fc.Arbitrary<string> {
  return mutated(
    corpus,
    fc.oneof(fc.constantFrom(...TRICKY, ...RARE, ...tokens), fc.string({ unit: 'binary', maxLength: 4 })),
  );
}

/** The same for bytes, as hex. */
export function mutatedBytes(corpus: readonly string[], tokens: readonly string[] = []): fc.Arbitrary<string> {
  const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');
  const bytes = fc.uint8Array({ maxLength: 4 }).map((value) => Buffer.from(value).toString('latin1'));
  const token = tokens.length === 0 ? bytes : fc.oneof(bytes, fc.constantFrom(...tokens.map(latin1)));
  return mutated(corpus.map(latin1), token).map((value) => Buffer.from(value, 'latin1').toString('hex'));
}

function mutated(corpus: readonly string[], token: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const mutation: fc.Arbitrary<Mutation> = fc.record({
    kind: fc.constantFrom('insert', 'delete', 'replace', 'repeat', 'flip', 'splice'),
    at: fc.nat(0xffff),
    length: fc.oneof({ weight: 3, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(64) }),
    times: fc.oneof({ weight: 9, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.nat(4096) }),
    token,
    other: fc.nat(0xffff),
  });
  return fc
    .tuple(fc.nat(Math.max(0, corpus.length - 1)), fc.array(mutation, { maxLength: 6 }))
    .map(([index, mutations]) => mutations.reduce((text, one) => apply(text, one, corpus), corpus[index] ?? ''));
}

function apply(text: string, { kind, at, length, times, token, other }: Mutation, corpus: readonly string[]): string {
  const start = at % (text.length + 1);
  const end = start + length;
  const [before, middle, after] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
  const changed = {
    insert: () => before + token + middle + after,
    delete: () => before + after,
    replace: () => before + token + after,
    repeat: () => before + (middle === '' ? token : middle).repeat(Math.min(times, MAX_INPUT_CHARACTERS >> 6)) + after,
    flip: () =>
      before + [...middle].map((one) => String.fromCharCode(one.charCodeAt(0) ^ (1 << (times % 8)))).join('') + after,
    splice: () => {
      const donor = corpus[other % Math.max(1, corpus.length)] ?? '';
      const from = other % (donor.length + 1);
      return before + donor.slice(from, from + length * 4) + after;
    },
  }[kind]();
  return changed.slice(0, MAX_INPUT_CHARACTERS);
}

import fc from 'fast-check';
import { negotiateStream, negotiateUnary } from '../../../src/gateway/writers/negotiate.ts';
import { mutatedText } from '../mutation.ts';
import { type FuzzTarget, orRefusal, same } from '../target.ts';

const STREAM = [
  'text/event-stream',
  'application/x-ndjson',
  'application/jsonl',
  'application/json',
  'application/x-protobuf',
];
const UNARY = ['application/json', 'application/x-protobuf'];
const CORPUS = [
  '*/*',
  'text/event-stream',
  'application/json;q=0.5, application/x-ndjson;q=0.9',
  'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'application/*;q=0.2, text/*;q=0.1',
  'application/json; charset="utf-8"; q=1.0',
  'application/x-protobuf;q=0, */*',
];
const TOKENS = ['q=', ';q=0', ';q=0.001', ';q=1.000', ';q=NaN', '*', '/', ',', ' , ', ';', '"', 'application/json'];

interface Range {
  readonly type: string;
  readonly q: number;
}

/** RFC 9110 section 12.5.1 for ranges without parameters: the most specific range that fits a type gives its weight. */
function weight(type: string, ranges: readonly Range[]): number {
  const [main = ''] = type.split('/');
  const specific = (range: string): number => [`*/*`, `${main}/*`, type].indexOf(range);
  const fitting = ranges.filter((range) => specific(range.type) >= 0);
  const best = Math.max(...fitting.map((range) => specific(range.type)));
  const at = fitting.filter((range) => specific(range.type) === best).map(({ q }) => q);
  return at.length === 0 ? 0 : Math.max(...at);
}

const ranges: fc.Arbitrary<readonly Range[]> = fc.uniqueArray(
  fc.record({
    type: fc.constantFrom(...STREAM, '*/*', 'application/*', 'text/*', 'image/png'),
    q: fc.nat(1000).map((thousandths) => thousandths / 1000),
  }),
  { minLength: 1, maxLength: 6, selector: ({ type }) => type },
);

type Input = { readonly header: string } | { readonly ranges: readonly Range[] };

/** Accept headers: an answer is among those offered, and with plain ranges it is one that the caller likes best. */
export async function acceptTarget(): Promise<FuzzTarget<Input>> {
  return {
    inputs: fc.oneof(
      mutatedText(CORPUS, TOKENS).map((header) => ({ header })),
      ranges.map((list) => ({ ranges: list })),
    ),
    check: (input) => {
      const header =
        'header' in input ? input.header : input.ranges.map(({ type, q }) => `${type};q=${q.toFixed(3)}`).join(', ');
      const chosen: readonly (readonly [readonly string[], string | undefined])[] = [
        [STREAM, orRefusal(() => negotiateStream(header))?.mediaType],
        [UNARY, orRefusal(() => negotiateUnary(header, true))?.mediaType],
        [['application/json'], orRefusal(() => negotiateUnary(header, false))?.mediaType],
      ];
      for (const [offered, type] of chosen) {
        if (type !== undefined && !offered.includes(type)) throw new Error(`${type} was not offered`);
        if (!('ranges' in input)) continue;
        const weights = offered.map((one) => weight(one, input.ranges));
        same(
          'the weight of what was chosen',
          type === undefined ? 0 : weight(type, input.ranges),
          Math.max(...weights),
        );
      }
    },
  };
}

import fc from 'fast-check';
import { parseRequestTarget } from '../../../src/gateway/routes/path.ts';
import type { FieldPlan, MessagePlan } from '../../../src/gateway/routes/plan.ts';
import { parseQuery } from '../../../src/gateway/routes/query.ts';
import type { BoundRequest } from '../../../src/gateway/routes/request.ts';
import { openDesk } from '../desk.ts';
import { mutatedText } from '../mutation.ts';
import { type FuzzTarget, orRefusal, same } from '../target.ts';

const CORPUS = [
  'n=7&flag=true&colour=RED&data=aGk%3D&big=18446744073709551615&ratio=-0.5',
  'book.name=a&book.author.name=b+c&book.pages=3',
  'many=a&many=b&numbers=1&numbers=-2',
  'time=2024-01-01T00%3A00%3A00.5Z&span=3.5s&count=7&mask=a,bC.d',
  'maybe=&snakeCase=x&snake_case=y',
  'tag=t',
  'code=7',
  'overflow=latest&lastEventId=5',
  'colours=RED&colours=-2&times=1970-01-01T00:00:00Z&text=x',
];
const TOKENS = [
  '&',
  '=',
  'a=b',
  'book.',
  'book.sequel.',
  '%C3%A9',
  '%C3',
  '%zz',
  '+',
  '%2B',
  '&id=x',
  'novel.name=',
  'blob=',
  'when=',
  '[]',
  '[0]',
];

/** Parameters of several fields, or of one field several times. */
const NAMES = ['id', 'tag', 'n', 'flag', 'book.name', 'book.author.name', 'many', 'snakeCase', 'snake_case', 'maybe'];
const parameters = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('a', 'b', '1', 'true', '')), { maxLength: 5 })
  .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));

/** Fails where the message says less of a single text than the query does: of two readers one may go by what is left out. */
function checkTexts(pairs: readonly (readonly [string, string])[], request: MessagePlan, bound: BoundRequest): void {
  for (const [name, text] of pairs) {
    let plan: MessagePlan | undefined = request;
    let field: FieldPlan | undefined;
    let value: unknown = bound.message;
    for (const part of name.split('.')) {
      field = plan?.byName.get(part);
      value = Object(value)[field?.name ?? ''];
      plan = field?.kind === 'message' ? field.message() : undefined;
    }
    if (field?.kind === 'string' && !field.repeated) same(`what the query says of ${name}`, value, text);
  }
}

/** Queries: read as browsers read them, and bound to a message that holds what they say and what the bytes hold. */
export async function queryTarget(): Promise<FuzzTarget<string>> {
  const desk = await openDesk();
  return {
    inputs: fc.oneof({ weight: 3, arbitrary: mutatedText(CORPUS, TOKENS) }, { weight: 1, arbitrary: parameters }),
    check: (text) => {
      const target = orRefusal(() => parseRequestTarget(`/get/x?${text}`));
      if (target === undefined) return;
      const pairs = orRefusal(() => parseQuery(target.query));
      if (pairs !== undefined) same('the pairs', pairs, [...new URLSearchParams(`&${target.query}`)]);
      const call = orRefusal(() => desk.bind(`GET /get/x?${text}`));
      const bound = call && orRefusal(() => call.binder.fromNothing());
      if (call === undefined || bound === undefined) return;
      checkTexts(pairs ?? [], call.route.request, bound);
      desk.compare(call.route, bound);
    },
  };
}

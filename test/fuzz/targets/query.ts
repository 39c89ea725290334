import { parseRequestTarget } from '../../../src/gateway/routes/path.ts';
import { parseQuery } from '../../../src/gateway/routes/query.ts';
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

/** Queries: read as browsers read them, and bound to a message that holds what the bytes hold. */
export async function queryTarget(): Promise<FuzzTarget<string>> {
  const desk = await openDesk();
  return {
    inputs: mutatedText(CORPUS, TOKENS),
    check: (text) => {
      const target = orRefusal(() => parseRequestTarget(`/get/x?${text}`));
      if (target === undefined) return;
      const pairs = orRefusal(() => parseQuery(target.query));
      if (pairs !== undefined) same('the pairs', pairs, [...new URLSearchParams(`&${target.query}`)]);
      const bound = orRefusal(() => desk.bind(`GET /get/x?${text}`)?.binder.fromNothing());
      if (bound !== undefined) desk.compare('fuzz.Request', bound);
    },
  };
}

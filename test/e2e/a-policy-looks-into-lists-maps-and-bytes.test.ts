import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { MAX_VIEWED_BYTES, MAX_VIEWED_ELEMENTS } from '../../src/request-view.ts';
import { encode } from '../support/library.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

const SERVICE = 'acme.library.v1.Library';
const POLICY = `version: 1
rules:
  - name: of books as a whole
    subjects: ["cn:*"]
    allow:
      - methods: ["${SERVICE}/CreateBook"]
        where:
          parent: ["shelves/lists"]
          book.authors.family_name: ["Le *", "Lem"]
      - methods: ["${SERVICE}/CreateBook"]
        where:
          parent: ["shelves/maps"]
          book.pages_by_volume.key: ["vol-*"]
          book.pages_by_volume.value: { min: 1, max: 900 }
      - methods: ["${SERVICE}/CreateBook"]
        where:
          parent: ["shelves/structs"]
          book.labels.fields.key: ["place"]
          book.labels.fields.value.string_value: ["attic", "cellar"]
      - methods: ["${SERVICE}/CreateBook"]
        where: { parent: ["shelves/bytes"], book.digest: ["00ff*"] }
      - methods: ["${SERVICE}/ListBooks"]
        where: { parent: ["shelves/tags"], tags: ["red", "green"] }
      - methods: ["${SERVICE}/ListBooks"]
        where: { parent: ["shelves/genres"], filter.genres: ["GENRE_POETRY"] }
      - methods: ["${SERVICE}/Shout"]
        where: { authors.family_name: ["Lem"] }
`;

let stack: LibraryStack;
beforeAll(async () => {
  stack = await startLibraryStack(async (_library, pki) => {
    await writeFile(join(pki.dir, 'policy.yaml'), POLICY);
    return {};
  });
});
afterAll(() => stack?.close());

const author = (family_name: string): object => ({ given_name: 'X', family_name });
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/** Each book is sent as JSON and as protobuf, by a library that shares no code with the gateway. */
describe('a body', () => {
  test.each<[shelf: string, what: string, book: object, status: number]>([
    ['lists', 'one element that is meant', { authors: [author('Lem')] }, 200],
    ['lists', 'all elements', { authors: [author('Lem'), author('Le Guin')] }, 200],
    ['lists', 'one element that is not', { authors: [author('Lem'), author('Verne')] }, 403],
    ['lists', 'one element without the field', { authors: [author('Lem'), { given_name: 'X' }] }, 403],
    ['lists', 'no element', { authors: [] }, 403],
    ['lists', 'no list', {}, 403],
    ['lists', 'as many elements as are looked at', { authors: times(MAX_VIEWED_ELEMENTS, author('Lem')) }, 200],
    ['lists', 'one more', { authors: times(MAX_VIEWED_ELEMENTS + 1, author('Lem')) }, 403],
    ['maps', 'entries that are meant', { pages_by_volume: { 'vol-1': 1, 'vol-2': 900 } }, 200],
    ['maps', 'a key that is not', { pages_by_volume: { 'vol-1': 1, index: 2 } }, 403],
    ['maps', 'a value that is not', { pages_by_volume: { 'vol-1': 1, 'vol-2': 901 } }, 403],
    ['maps', 'a value that is left out', { pages_by_volume: { 'vol-1': 0 } }, 403],
    ['maps', 'no entry', { pages_by_volume: {} }, 403],
    ['bytes', 'that begin as they should', { digest: Buffer.from('00ff07', 'hex').toString('base64') }, 200],
    ['bytes', 'that do not', { digest: Buffer.from('01ff07', 'hex').toString('base64') }, 403],
    ['bytes', 'none', {}, 403],
    ['bytes', 'as many as are looked at', { digest: digestOf(MAX_VIEWED_BYTES) }, 200],
    ['bytes', 'one more', { digest: digestOf(MAX_VIEWED_BYTES + 1) }, 403],
  ])('%s: %s', async (shelf, _what, book, status) => {
    const before = stack.library.calls.length;
    const json = await stack.curl.feed(
      JSON.stringify(book),
      `/v1/shelves/${shelf}/books`,
      ...['-H', 'content-type: application/json', '--data-binary', '@-'],
    );
    const protobuf = await stack.curl.feed(
      encode('acme.library.v1.Book', book),
      `/v1/shelves/${shelf}/books`,
      ...['-H', 'content-type: application/x-protobuf', '--data-binary', '@-'],
    );
    expect([json.status, protobuf.status]).toEqual([status, status]);
    expect(stack.library.calls.length - before).toBe(status === 200 ? 2 : 0);
  });

  it.each([
    ['{"labels":{"place":"attic"}}', 200],
    ['{"labels":{"place":"attic","owner":"me"}}', 403],
    ['{"labels":{"place":"roof"}}', 403],
    ['{"labels":{"place":["attic"]}}', 403],
    ['{"labels":{"place":{"string_value":"attic"}}}', 403],
  ])('a struct is a map of values: %s', async (body, status) => {
    const answer = await stack.curl('/v1/shelves/structs/books', '-H', 'content-type: application/json', '-d', body);
    expect(answer.status).toBe(status);
  });
});

describe('a query', () => {
  it.each([
    ['tags/books?tags=red', 200],
    ['tags/books?tags=red&tags=green', 200],
    ['tags/books?tags=red&tags=blue', 403],
    ['tags/books', 403],
    ['genres/books?filter.genres=GENRE_POETRY&filter.genres=2', 200],
    ['genres/books?filter.genres=GENRE_POETRY&filter.genres=GENRE_NOVEL', 403],
    ['genres/books', 403],
  ])('%s', async (target, status) => {
    expect((await stack.curl(`/v1/shelves/${target}`)).status).toBe(status);
  });
});

it('each message of a stream', async () => {
  const shout = async (...families: readonly string[][]): Promise<string> => {
    const books = families.map((names, index) => ({ title: `book ${index}`, authors: names.map(author) }));
    const answer = await stack.curl.feed(
      books.map((book) => `${JSON.stringify(book)}\n`).join(''),
      '/v1/books:shout',
      ...['-H', 'content-type: application/x-ndjson', '-H', 'accept: application/x-ndjson', '--data-binary', '@-'],
    );
    return answer.text();
  };
  const both = await shout(['Lem'], ['Lem', 'Lem']);
  expect([both.includes('BOOK 0'), both.includes('BOOK 1')]).toEqual([true, true]);
  const one = await shout(['Lem'], ['Lem', 'Verne']);
  expect(one).not.toContain('BOOK 1');
  // Before the first answer that is the answer, behind it the last line.
  expect(one).toMatch(/PERMISSION_DENIED|"code": ?7/);
});

function digestOf(bytes: number): string {
  return Buffer.concat([Buffer.from('00ff', 'hex'), Buffer.alloc(bytes - 2)]).toString('base64');
}

// needs: curl
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BOOK_JSON, COVER, encode, TEXT } from '../support/library.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;

beforeAll(async () => {
  stack = await startLibraryStack();
});
afterAll(() => stack?.close());

/** Runs a curl and gives what it got and what the backend was asked. */
async function call(path: string, ...options: readonly string[]) {
  const before = stack.library.calls.length;
  const answer = await stack.curl(path, ...options);
  const seen = stack.library.calls.slice(before);
  expect(seen.length).toBeLessThanOrEqual(1);
  return { answer, method: seen[0]?.method, request: seen[0]?.request };
}

describe.each([
  ['--http1.1', '1.1'],
  ['--http2', '2'],
])('curl %s', (version, httpVersion) => {
  it('gets a message in protobuf’s JSON mapping', async () => {
    const { answer, request } = await call('/v1/shelves/1/books/7', version);
    expect(answer).toMatchObject({ status: 200, contentType: 'application/json', httpVersion });
    expect(answer.json()).toEqual({ ...BOOK_JSON, name: 'shelves/1/books/7' });
    expect(request).toMatchObject({ name: 'shelves/1/books/7' });
  });

  it.each<readonly [string, readonly string[], string, unknown]>([
    ['/v1/isbn/18446744073709551615', [], 'GetBook', { isbn: '18446744073709551615' }],
    ['/v1/shelves/a%2Fb/books/%C3%BC', [], 'GetBook', { name: 'shelves/a%2Fb/books/ü' }],
    ['/v1/files/a/b%20c/d', [], 'ReadPath', { name: 'a/b c/d' }],
    ['/v1/files/a/b:stat', [], 'ReadPath', { name: 'a/b' }],
    ['/v1/files', [], 'ReadPath', {}],
    ['/v1/shelves/1/books/7', ['-X', 'DELETE'], 'DeleteBook', { name: 'shelves/1/books/7' }],
    ['/v1/shelves/1/books/7', ['-X', 'REPORT'], 'GetBook', { name: 'shelves/1/books/7' }],
    ['/v1/any/shelves/1/books/7', ['-X', 'PURGE'], 'GetBook', { name: 'shelves/1/books/7' }],
    ['/v1/shelves/1/books/7?isbn=4', [], 'GetBook', { name: 'shelves/1/books/7', isbn: '4' }],
    [
      '/v1/shelves/1/books/7:lend',
      ['--json', '{"reader":"Ada"}'],
      'LendBook',
      { name: 'shelves/1/books/7', reader: 'Ada' },
    ],
    [
      '/v1/shelves/1/books?book_id=9',
      ['--json', '{"title":"T","isbn":"5","published":"2001-02-03T04:05:06Z","paper_grams":90}'],
      'CreateBook',
      {
        parent: 'shelves/1',
        book_id: '9',
        book: { title: 'T', isbn: '5', published: { seconds: '981173106' }, paper_grams: 90 },
      },
    ],
    [
      '/v1/shelves/1/books/7?updateMask=title,loanPeriod',
      ['-X', 'PATCH', '--json', '{"title":"N"}'],
      'UpdateBook',
      { book: { name: 'shelves/1/books/7', title: 'N' }, update_mask: { paths: ['title', 'loan_period'] } },
    ],
    [
      '/v1/shelves/1/books/7',
      ['-X', 'PUT', '--json', '{"book":{"title":"N"},"updateMask":"title"}'],
      'UpdateBook',
      { book: { name: 'shelves/1/books/7', title: 'N' }, update_mask: { paths: ['title'] } },
    ],
  ])('%s %j calls %s', async (path, options, method, expected) => {
    const made = await call(path, version, ...options);
    expect([made.answer.status, made.method]).toEqual([200, method]);
    expect(made.request).toMatchObject(expected as object);
  });

  it('gives nested, repeated and well-known query parameters to the backend', async () => {
    const query = [
      'filter.author.given_name=Herman',
      'filter.author.familyName=Melville',
      'filter.genres=GENRE_NOVEL',
      'filter.genres=2',
      'filter.published_after=1999-12-31T23:59:59.5Z',
      'filter.lent=true',
      'filter.loanPeriod=1.5s',
      'filter.price_below=Infinity',
      'filter.digest=-_8',
      'page_size=-3',
      'read_mask=title,authors',
      'tags=a+b',
      'tags=c%26d',
    ].join('&');
    const { answer, request } = await call(`/v1/shelves/1/books?${query}`, version);
    expect(answer.status).toBe(200);
    expect(request).toMatchObject({
      parent: 'shelves/1',
      filter: {
        author: { given_name: 'Herman', family_name: 'Melville' },
        genres: ['GENRE_NOVEL', 'GENRE_POETRY'],
        published_after: { seconds: '946684799', nanos: 500_000_000 },
        lent: { value: true },
        loan_period: { seconds: '1', nanos: 500_000_000 },
        price_below: Number.POSITIVE_INFINITY,
        digest: '+/8=',
      },
      page_size: -3,
      read_mask: { paths: ['title', 'authors'] },
      tags: ['a b', 'c&d'],
    });
  });

  it.each([
    ['title', '"Möby-Dick"'],
    ['authors', '[{"givenName":"Herman","familyName":"Melville"}]'],
  ])('gets one field where response_body names it (%s)', async (field, body) => {
    const { answer } = await call(`/v1/shelves/1/books/7/${field}`, version);
    expect(answer.text()).toBe(body);
  });

  it('gets protobuf, untouched, for Accept: application/x-protobuf', async () => {
    const { answer } = await call(
      '/v1/shelves/1/books/7:lend',
      version,
      '--json',
      '{}',
      '-H',
      'accept: application/x-protobuf',
    );
    expect(answer.contentType).toBe('application/x-protobuf');
    expect(answer.body).toEqual(encode('acme.library.v1.Book', { name: 'shelves/1/books/7', lent: true }));
  });

  it('gets a google.api.HttpBody as the body, with its own content type', async () => {
    const { answer } = await call('/v1/shelves/1/books/7/cover', version);
    expect(answer).toMatchObject({ status: 200, contentType: 'image/png' });
    expect(answer.body).toEqual(COVER);
  });

  it('sends a body of any type as a google.api.HttpBody', async () => {
    const { answer, request } = await call(
      '/v1/shelves/1/books/7/cover?artist=R',
      ...[version, '-X', 'PUT', '-H', 'content-type: image/webp', '--data-binary', 'RIFF\n\u00e9'],
    );
    expect(answer.status).toBe(200);
    expect(request).toMatchObject({
      name: 'shelves/1/books/7',
      artist: 'R',
      cover: { content_type: 'image/webp', data: Buffer.from('RIFF\n\u00e9').toString('base64') },
    });
  });

  it('gets a stream of google.api.HttpBody as one body', async () => {
    const { answer } = await call('/v1/shelves/1/books/7/text', version);
    expect(answer).toMatchObject({ status: 200, contentType: 'text/plain; charset=utf-8' });
    expect(answer.text()).toBe(TEXT.join(''));
  });

  it('gets a stream as server-sent events without ids, where the proto names none', async () => {
    const { answer } = await call('/v1/shelves/1/books:watch?count=2', version);
    expect(answer).toMatchObject({ status: 200, contentType: 'text/event-stream' });
    expect(answer.text()).toMatch(
      /^retry: 2000\n\ndata: {"title":"1"}\n\ndata: {"title":"2"}\n\nid: !end\nevent: end\ndata: {"code":0,.*}\n\n$/,
    );
  });

  it.each([
    ['/v1/shelves/1/books/7?nonsense=1', 'nonsense'],
    ['/v1/shelves/1/books/7?name=other', 'name'],
    ['/v1/shelves/1/books?filter.genres=GENRE_COOKERY', 'filter.genres'],
    ['/v1/shelves/1/books?filter=1', 'filter'],
    ['/v1/shelves/1/books?page_size=1&pageSize=2', 'page_size'],
    ['/v1/isbn/18446744073709551616', 'isbn'],
  ])('is told what is wrong with %s, and the backend is not asked', async (path, field) => {
    const { answer, method } = await call(path, version);
    expect(answer).toMatchObject({ status: 400, contentType: 'application/problem+json' });
    expect(answer.json().detail).toContain(field);
    expect(method).toBeUndefined();
  });
});

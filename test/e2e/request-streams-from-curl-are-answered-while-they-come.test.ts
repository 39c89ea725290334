// needs: curl
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decode, encode } from '../support/library.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;

beforeAll(async () => {
  stack = await startLibraryStack();
});
afterAll(() => stack?.close());

const NDJSON = ['-H', 'content-type: application/x-ndjson'];
const PROTOBUF = ['-H', 'content-type: application/x-protobuf'];

/** Messages behind their lengths; those here are shorter than 128 bytes. */
function delimited(...titles: readonly string[]): Buffer {
  return Buffer.concat(
    titles.map((title) => {
      const message = encode('acme.library.v1.Book', { title });
      return Buffer.concat([Buffer.from([message.length]), message]);
    }),
  );
}

describe.each([['--http1.1'], ['--http2']])('curl %s', (version) => {
  it.each([
    ['a body read at once', ['--data-binary', '@-']],
    ['a chunked body', ['-X', 'POST', '-T', '-']],
  ])('imports a stream of NDJSON from %s', async (_, options) => {
    const answer = await stack.curl.feed(
      '{"title":"One"}\n\n{"title":"Zwö"}\r\n{"title":"Three"}',
      '/v1/shelves/1/books:import',
      ...[version, ...NDJSON, ...options],
    );
    expect(answer.json()).toEqual({ books: 3, titles: ['One', 'Zwö', 'Three'], shelf: 'shelves/1' });
  });

  it('imports a stream of delimited protobuf', async () => {
    const answer = await stack.curl.feed(
      delimited('One', '', 'Three'),
      '/v1/shelves/9/books:import',
      ...[version, ...PROTOBUF, '-X', 'POST', '-T', '-'],
    );
    expect(answer.json()).toEqual({ books: 3, titles: ['One', '', 'Three'], shelf: 'shelves/9' });
  });

  it('imports nothing from an empty stream', async () => {
    const answer = await stack.curl.feed('', '/v1/shelves/9/books:import', version, ...NDJSON, '-X', 'POST', '-T', '-');
    expect([answer.status, answer.text()]).toEqual([200, '{}']);
  });

  it('gets delimited protobuf for delimited protobuf', async () => {
    const answer = await stack.curl.feed(
      delimited('one', 'two'),
      '/v1/books:shout',
      ...[version, ...PROTOBUF, '-H', 'accept: application/x-protobuf', '-X', 'POST', '-T', '-'],
    );
    expect(answer.body).toEqual(delimited('ONE', 'TWO'));
    expect(decode('acme.library.v1.Book', answer.body.subarray(1, 6))).toEqual({ title: 'ONE' });
  });

  it('gets server-sent events for a stream of requests, when it asks for nothing else', async () => {
    const answer = await stack.curl.feed(
      '{"title":"a"}\n',
      '/v1/books:shout',
      version,
      ...NDJSON,
      '-X',
      'POST',
      '-T',
      '-',
    );
    expect(answer.contentType).toBe('text/event-stream');
    expect(answer.text()).toMatch(/^retry: 2000\n\ndata: {"title":"A"}\n\nid: !end\nevent: end\ndata: {"code":0,/);
  });

  it('is told which message was wrong, with a status while there is no answer yet', async () => {
    const path = '/v1/shelves/1/books:import';
    const early = await stack.curl.feed(
      '{"title":"a"}\n{"title":1}\n',
      path,
      ...[version, ...NDJSON, '-X', 'POST', '-T', '-'],
    );
    expect(early).toMatchObject({ status: 400, contentType: 'application/problem+json' });
    expect(early.json().detail).toMatch(/^message 2: title/);
  });

  it('that goes away in the middle of its messages cancels the call', async () => {
    const coming = stack.library.next('ImportBooks');
    const curl = stack.curl.start('/v1/shelves/1/books:import', version, ...NDJSON, '-X', 'POST', '-T', '.');
    curl.write('{"title":"a"}\n');
    const call = await coming;
    curl.kill();
    await call.cancelled;
  });
});

// Over HTTP/2 some versions of curl do not read while they wait for input; another client proves it there.
describe('curl --http1.1 in a conversation', () => {
  it('gets the answer to each message before it sends the next', async () => {
    const curl = stack.curl.start(
      '/v1/books:shout',
      ...['--http1.1', ...NDJSON, '-H', 'accept: application/x-ndjson', '-X', 'POST', '-T', '.'],
    );
    for (const word of ['one', 'two', 'three']) {
      curl.write(`{"title":"${word}"}\n`);
      expect(await curl.readUntil('\n')).toBe(`{"title":"${word.toUpperCase()}"}\n`);
    }
    curl.endInput();
    expect(await curl.ended).toMatchObject({ status: 200, contentType: 'application/x-ndjson' });
  });

  it('is told in the stream which message was wrong', async () => {
    const curl = stack.curl.start(
      '/v1/books:shout',
      ...['--http1.1', ...NDJSON, '-H', 'accept: application/x-ndjson', '-X', 'POST', '-T', '.'],
    );
    curl.write('{"title":"a"}\n');
    await curl.readUntil('\n');
    curl.write('{"nonsense":1}\n');
    const last = JSON.parse(await curl.readUntil('\n'));
    expect(last.error).toMatchObject({ code: 3, message: expect.stringMatching(/^message 2: .*nonsense/) });
    curl.endInput();
    await curl.ended;
  });
});

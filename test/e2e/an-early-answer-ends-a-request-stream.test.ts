import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pairIn } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

let stack: LibraryStack;

beforeAll(async () => {
  stack = await startLibraryStack();
});
afterAll(() => stack?.close());

it('over HTTP/2 interleaves messages and answers, and closes the stream when the answer is complete', async () => {
  const { certPem, keyPem } = pairIn(stack.pki.dir, 'client');
  const session = connect(stack.gatewayUrl, { ca: stack.pki.caPem, cert: certPem, key: keyPem });
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': '/v1/books:shout',
      'content-type': 'application/x-ndjson',
      accept: 'application/x-ndjson',
    },
    { endStream: false },
  );
  const closed = once(stream, 'close');
  const answerTo = async (message: object): Promise<Record<string, unknown>> => {
    stream.write(`${JSON.stringify(message)}\n`);
    const [line] = await once(stream, 'data');
    return JSON.parse(String(line));
  };
  expect(await answerTo({ title: 'one' })).toEqual({ title: 'ONE' });
  expect(await answerTo({ title: 'two' })).toEqual({ title: 'TWO' });
  expect(await answerTo({ nonsense: 1 })).toMatchObject({ error: { code: 3 } });
  // The request has no end yet: without the gateway's doing, both would wait for each other.
  await closed;
  expect(stream.rstCode).toBe(0);
  session.close();
  await once(session, 'close');
});

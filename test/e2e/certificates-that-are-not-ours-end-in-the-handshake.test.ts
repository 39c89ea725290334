import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientPair } from '../support/https.ts';
import { rawExchange, requestText } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { REFUSED } from './certificates.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ backend: false, flags: { host: '::' } });
});
afterAll(async () => {
  await stack?.close();
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
  const ask = (pair: ClientPair | undefined) =>
    rawExchange({ port: stack.port, caPem: stack.pki.caPem, pair, version }, requestText('GET', '/healthz'));

  it.each(REFUSED)('refuses %s in the handshake, without a byte of HTTP', async (_name, certificate, reason) => {
    const seen = stack.logs.length;
    const answer = await ask(certificate === undefined ? undefined : await stack.pki.issue(certificate));
    expect(answer.text).toBe('');
    // The gateway takes the reason down; the peer gets no more than a TLS alert or a closed connection.
    const refused = () => stack.logs.slice(seen).filter(({ msg }) => msg === 'connection refused');
    expect(await until('the refusal is logged', refused, ({ length }) => length > 0)).toEqual([
      expect.objectContaining({
        // A certificate that is refused is told of at level warn.
        level: certificate === undefined ? 20 : 40,
        reason: 'handshake',
        detail: expect.stringMatching(reason),
        remote: '127.0.0.1',
      }),
    ]);
    expect(stack.logs.slice(seen).some(({ msg }) => msg === 'request')).toBe(false);
  });

  it('takes one of our CA', async () => {
    expect((await ask(await stack.pki.issue())).status).toBe(200);
  });
});

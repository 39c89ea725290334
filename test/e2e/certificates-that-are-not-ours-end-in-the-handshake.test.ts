import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientPair } from '../support/https.ts';
import type { TestCertificate } from '../support/pki.ts';
import { rawExchange, requestText } from '../support/raw.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;
const inHours = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);

const REFUSED: readonly (readonly [string, TestCertificate | undefined, RegExp])[] = [
  ['no certificate', undefined, /did not return a certificate/],
  ['a self-signed one', { issuer: 'self' }, /SELF_SIGNED/],
  ['one of a CA with the name of ours', { issuer: 'other-ca' }, /SIGNATURE|UNABLE_TO/],
  ['an expired one', { notBefore: inHours(-48), notAfter: inHours(-1) }, /EXPIRED/],
  ['one that is not valid yet', { notBefore: inHours(1), notAfter: inHours(48) }, /NOT_YET_VALID/],
  ['one for servers only', { eku: 'server' }, /PURPOSE/],
];

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

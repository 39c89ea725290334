import { createHash, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import supertest from 'supertest';
import { PAGES } from '../../src/gateway/pages.ts';
import { pairIn } from '../support/https.ts';
import { expectProblem } from '../support/problem.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack?.close();
});

const paths = PAGES.map(({ path }) => path);
const MADE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
])('over %s', (_version, http2) => {
  let agent: ReturnType<typeof supertest.agent>;
  /** The certificate of the agent, as Node reads it. */
  let certificate: X509Certificate;
  beforeAll(() => {
    const { certPem, keyPem } = pairIn(stack.certsDir, 'client');
    certificate = new X509Certificate(certPem);
    agent = supertest.agent(stack.gatewayUrl, { ca: stack.pki.caPem, cert: certPem, key: keyPem, http2 });
  });

  const answerOf = ({ status, headers, text }: supertest.Response) => ({
    status,
    contentType: headers['content-type'] as unknown,
    body: text,
  });

  describe('a page', () => {
    it('/whoami says what the certificate says', async () => {
      const { body } = await agent.get('/whoami').expect(200).expect('content-type', 'application/json');
      expect(body).toEqual({
        cn: 'oran-client',
        organizations: expect.any(Array),
        organizationalUnits: expect.any(Array),
        dns: [],
        uris: [],
        emails: [],
        sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
        serial: certificate.serialNumber.toLowerCase(),
        issuer: certificate.issuer.replaceAll('\n', ','),
        notBefore: new Date(certificate.validFrom).toISOString(),
        notAfter: new Date(certificate.validTo).toISOString(),
      });
    });

    it.each(['/healthz', '/readyz'])('%s is ok with a backend', async (path) => {
      await agent.get(path).expect(200, { status: 'ok' }).expect('content-type', 'application/json');
    });

    it('/openapi.json is OpenAPI 3.1 of what is served here', async () => {
      const { body } = await agent.get('/openapi.json').expect(200).expect('content-type', 'application/json');
      expect(body.openapi).toMatch(/^3\.1\./);
      expect(body.servers).toEqual([expect.objectContaining({ url: stack.gatewayUrl })]);
      expect(Object.keys(body.paths)).toEqual(
        expect.arrayContaining([...paths, '/v1/stations', '/v1/stations/{station_id}/iq']),
      );
    });

    it('/ names the caller and the stations', async () => {
      const { text } = await agent.get('/').expect(200);
      for (const named of ['oran-client', 'sim-1', 'adsb', 'href="/docs"']) expect(text).toContain(named);
    });

    it.each(['/', '/docs'])('%s is HTML with nothing from outside, and its styles by their hash', async (path) => {
      const { text, headers } = await agent.get(path).expect(200).expect('content-type', 'text/html; charset=utf-8');
      expect(text).toMatch(/^<!doctype html>/i);
      // What a browser would fetch or run by itself; links that a reader may follow are no assets.
      expect(text).not.toMatch(/<(script|img|iframe|object|embed|base|form)\b|@import|\burl\(|\ssrc(set)?=|\son\w+=/i);
      expect(text.match(/<link\b[^>]*>/g)).toEqual(['<link rel="icon" href="data:,">']);
      const styles = [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(
        ([, style = '']) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
      );
      expect(styles).not.toEqual([]);
      expect(directives(headers['content-security-policy'])).toEqual({
        'default-src': "'none'",
        'style-src': styles.join(' '),
        'img-src': 'data:',
        'base-uri': "'none'",
        'form-action': "'none'",
        'frame-ancestors': "'none'",
      });
    });

    it.each(paths)('%s answers HEAD as GET, without the body', async (path) => {
      const got = await agent.get(path).expect(200);
      const head = await agent.head(path).expect(200);
      expect(head.text ?? '').toBe('');
      for (const name of ['content-type', 'content-length', 'cache-control', 'content-security-policy']) {
        expect([name, head.headers[name]]).toEqual([name, got.headers[name]]);
      }
      expect(Number(head.headers['content-length'])).toBe(Buffer.byteLength(got.text));
    });

    it.each(paths)('%s takes nothing but GET and HEAD', async (path) => {
      for (const method of ['post', 'put', 'patch', 'delete', 'options'] as const) {
        const answer = await agent[method](path).expect('allow', 'GET, HEAD');
        expectProblem(answerOf(answer), { status: 405, code: 'UNIMPLEMENTED', detail: /GET, HEAD/ });
      }
    });
  });

  describe('every answer', () => {
    const ANSWERS: readonly [what: string, path: string, status: number][] = [
      ['a page', '/whoami', 200],
      ['an HTML page', '/docs', 200],
      ['a call', '/v1/stations', 200],
      ['a problem', '/nowhere', 404],
      ['a call that fails', '/v1/stations/none', 404],
    ];

    it.each(ANSWERS)('%s has the headers that harden it', async (_what, path, status) => {
      const { headers } = await agent.get(path).expect(status);
      expect(headers).toMatchObject({
        'strict-transport-security': expect.stringMatching(/^max-age=\d{7,}/),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'origin-agent-cluster': '?1',
        'x-dns-prefetch-control': 'off',
        'x-permitted-cross-domain-policies': 'none',
      });
      expect(directives(headers['content-security-policy'])).toMatchObject({
        'default-src': "'none'",
        'frame-ancestors': "'none'",
      });
      // The agent takes gzip and deflate.
      const absent = [
        'x-powered-by',
        'server',
        'etag',
        'access-control-allow-origin',
        'set-cookie',
        'content-encoding',
      ];
      for (const name of absent) {
        expect(headers).not.toHaveProperty(name);
      }
    });

    it.each(ANSWERS)('%s has the request id that was given', async (_what, path, status) => {
      const given = 'A-z_0.9'.padEnd(64, '-');
      const { headers, body } = await agent.get(path).set('x-request-id', given).expect(status);
      expect(headers['x-request-id']).toBe(given);
      if (status >= 400) expect(body.requestId).toBe(given);
    });

    it.each([
      ['none', undefined],
      ['an empty one', ''],
      ['one of 65 characters', 'a'.repeat(65)],
      ['one with a space', 'a b'],
      ['one that would forge a log line', '{"level":50}'],
      ['one beyond ASCII', 'é'],
    ])('has a request id made here when the caller sends %s', async (_what, given) => {
      const ids = new Set<unknown>();
      for (let n = 0; n < 2; n++) {
        const asked = agent.get('/healthz');
        if (given !== undefined) asked.set('x-request-id', given);
        const { headers } = await asked.expect(200);
        expect(headers['x-request-id']).toMatch(MADE_ID);
        ids.add(headers['x-request-id']);
      }
      expect(ids.size).toBe(2);
    });
  });

  it.each(['/nowhere', '/WhoAmI', '/whoami/cn', '/v1', '/v2/stations', '/index.html', '/metrics', '/favicon.ico'])(
    '%s is nowhere: a problem document',
    async (path) => {
      for (const method of ['get', 'post', 'delete'] as const) {
        expectProblem(answerOf(await agent[method](path)), { status: 404, code: 'NOT_FOUND' });
      }
    },
  );

  it('nothing is answered without a certificate', async () => {
    const stranger = supertest.agent(stack.gatewayUrl, { ca: stack.pki.caPem, http2 });
    // Any answer, of whatever status, would be no error here, or one with a status.
    for (const path of paths) await expect(stranger.get(path)).rejects.not.toHaveProperty('status');
  });
});

/** The directives of a Content-Security-Policy by name. */
function directives(policy: unknown): Record<string, string> {
  return Object.fromEntries(
    String(policy)
      .split(';')
      .map((directive) => directive.trim().split(/ (.*)/, 2))
      .map(([name = '', value = '']) => [name, value]),
  );
}

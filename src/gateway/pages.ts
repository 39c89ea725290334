import { PassbandError } from '../errors.ts';
import { countAnswer } from './answer-limits.ts';
import { admit, authorize } from './authorize.ts';
import type { Caller } from './callers.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { methodNotAllowed } from './problem.ts';

/** Service under which a policy names the gateway's own pages. */
export const PAGES_SERVICE = 'passband.Gateway';

/** Produces one page. */
type Page = (gateway: Gateway, exchange: Exchange, caller: Caller) => Promise<PageAnswer> | PageAnswer;

interface PageAnswer {
  readonly status?: number;
  readonly type: string;
  readonly body: string;
  /** Sources of styles for the page's Content-Security-Policy. */
  readonly styles?: readonly string[];
}

const json = (value: unknown): PageAnswer => ({ type: 'application/json', body: JSON.stringify(value) });

/** The gateway's own pages: path, method name in policies, and what is shown. */
export const PAGES: readonly { readonly path: string; readonly method: string; readonly page: Page }[] = [
  {
    path: '/',
    method: 'Index',
    page: async (gateway, exchange, caller) => ({
      type: 'text/html; charset=utf-8',
      body: await gateway.pages.indexHtml(exchange, caller),
      styles: gateway.pages.styleSources,
    }),
  },
  {
    path: '/openapi.json',
    method: 'OpenApi',
    page: (gateway) => ({ type: 'application/json', body: gateway.pages.openApiJson }),
  },
  {
    path: '/docs',
    method: 'Docs',
    page: (gateway) => ({
      type: 'text/html; charset=utf-8',
      body: gateway.pages.docsHtml,
      styles: gateway.pages.styleSources,
    }),
  },
  {
    path: '/whoami',
    method: 'WhoAmI',
    page: (_, __, { identity }) =>
      json({
        cn: identity.cn,
        organizations: identity.organizations,
        organizationalUnits: identity.organizationalUnits,
        dns: identity.dns,
        uris: identity.uris,
        emails: identity.emails,
        sha256: identity.sha256,
        serial: identity.serial,
        issuer: identity.issuer,
        notBefore: new Date(identity.notBeforeMs).toISOString(),
        notAfter: new Date(identity.notAfterMs).toISOString(),
      }),
  },
  { path: '/healthz', method: 'Health', page: () => json({ status: 'ok' }) },
  {
    path: '/readyz',
    method: 'Ready',
    page: async (gateway) =>
      (await gateway.ready()) ? json({ status: 'ok' }) : { ...json({ status: 'not ready' }), status: 503 },
  },
];

/** Names of the pages as a policy's `methods` know them. */
export const PAGE_METHODS: readonly string[] = PAGES.map(({ method }) => `${PAGES_SERVICE}/${method}`);

/** Answers with one of the gateway's own pages, if the policy lets the caller see it. */
export async function answerPage(
  gateway: Gateway,
  exchange: Exchange,
  caller: Caller,
  { path, method, page }: (typeof PAGES)[number],
): Promise<void> {
  exchange.rpc = `${PAGES_SERVICE}/${method}`;
  exchange.route = path;
  await admit(gateway, exchange, caller, authorize(gateway, exchange, caller, exchange.rpc, {}));
  const { status = 200, type, body, styles = [] } = await page(gateway, exchange, caller);
  const { response, stopped } = exchange;
  // The right to it may have been lost while its audit line, or the backend, was waited for.
  if (stopped !== undefined) throw new PassbandError(stopped.code, stopped.message);
  exchange.bytesOut = Buffer.byteLength(body);
  if (status === 503) exchange.code = 'UNAVAILABLE';
  response.statusCode = status;
  response.setHeader('content-type', type);
  response.setHeader('content-length', exchange.bytesOut);
  response.setHeader('cache-control', 'no-store');
  if (type.startsWith('text/html')) {
    response.setHeader(
      'content-security-policy',
      `default-src 'none'; style-src ${styles.join(' ') || "'none'"}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
  }
  exchange.finish(body);
  countAnswer(gateway, exchange);
}

/** Refuses a page asked for with a method that it does not take. */
export function assertReadMethod(method: string | undefined): void {
  if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed(['GET', 'HEAD']);
}

import type { MediaType, Operation, PathItem, Response, Schema } from './model.ts';
import { problemsOf, SHARED_HEADERS } from './problems.ts';

/** Name of the tag under which the gateway's own pages stand. */
export const GATEWAY_TAG = 'Gateway';

const HTML: MediaType = { schema: { type: 'string' } };
const names: Schema = { type: 'array', items: { type: 'string' } };

/** What a client certificate says of its holder. */
const IDENTITY: Schema = {
  type: 'object',
  required: ['cn', 'sha256', 'serial', 'issuer', 'notBefore', 'notAfter'],
  properties: {
    cn: { type: 'string', description: 'The one common name.' },
    organizations: { ...names, description: 'O attributes of the subject.' },
    organizationalUnits: { ...names, description: 'OU attributes of the subject.' },
    dns: { ...names, description: 'DNS names among the alternative names.' },
    uris: { ...names, description: 'URIs among the alternative names.' },
    emails: { ...names, description: 'Email addresses among the alternative names.' },
    sha256: { type: 'string', description: "SHA-256 of the certificate's DER, lower-case hex." },
    serial: { type: 'string', description: 'Serial number, lower-case hex.' },
    issuer: { type: 'string', description: 'Name of the issuer.' },
    notBefore: { type: 'string', format: 'date-time', description: 'First moment of validity.' },
    notAfter: { type: 'string', format: 'date-time', description: 'Last moment of validity.' },
  },
};

const STATUS: MediaType = {
  schema: { type: 'object', required: ['status'], properties: { status: { type: 'string' } } },
};

function answer(description: string, mediaType: string, media: MediaType): Response {
  return { description, headers: SHARED_HEADERS, content: { [mediaType]: media } };
}

function page(
  operationId: string,
  summary: string,
  good: Response,
  more: Readonly<Record<string, Response>> = {},
): PathItem {
  const get: Operation = {
    operationId,
    tags: [GATEWAY_TAG],
    summary,
    responses: { 200: good, ...problemsOf([401, 403, 429]), ...more },
  };
  return { get };
}

/** The gateway's own pages, which belong to no service. */
export const GATEWAY_PAGES: Readonly<Record<string, PathItem>> = {
  '/': page(
    'Gateway_Index',
    'Who the caller is, the stations, and where to go from here',
    answer('A page to read.', 'text/html', HTML),
  ),
  '/docs': page('Gateway_Docs', 'This description as a page', answer('A page to read.', 'text/html', HTML)),
  '/openapi.json': page(
    'Gateway_OpenApi',
    'This description as OpenAPI 3.1',
    answer('The document.', 'application/json', { schema: { type: 'object', additionalProperties: true } }),
  ),
  '/whoami': page(
    'Gateway_WhoAmI',
    'What the gateway read from the client certificate',
    answer('The identity.', 'application/json', { schema: IDENTITY }),
  ),
  '/healthz': page('Gateway_Health', 'Whether the gateway runs', answer('It runs.', 'application/json', STATUS)),
  '/readyz': page(
    'Gateway_Ready',
    'Whether the gateway reaches its backend',
    answer('It does.', 'application/json', STATUS),
    { 503: answer('It does not.', 'application/json', STATUS) },
  ),
};

import type { MediaType, Operation, PathItem, Response, Schema } from './model.ts';
import { problemsOf } from './problems.ts';

/** Name of the tag under which the gateway's own pages stand. */
export const GATEWAY_TAG = 'Gateway';

const HTML: MediaType = { schema: { type: 'string' } };
const names: Schema = { type: 'array', items: { type: 'string' } };

/** What a client certificate says of its holder. */
const IDENTITY: Schema = {
  type: 'object',
  required: ['cn'],
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
    notBeforeMs: {
      type: 'integer',
      format: 'int64',
      description: 'First moment of validity, milliseconds since 1970.',
    },
    notAfterMs: { type: 'integer', format: 'int64', description: 'Last moment of validity, milliseconds since 1970.' },
  },
};

function page(operationId: string, summary: string, mediaType: string, media: MediaType, more = {}): PathItem {
  const ok: Response = { description: 'The answer.', content: { [mediaType]: media } };
  const get: Operation = {
    operationId,
    tags: [GATEWAY_TAG],
    summary,
    responses: { 200: ok, ...problemsOf([401, 403]), ...more },
  };
  return { get };
}

/** The gateway's own pages, which belong to no service. */
export const GATEWAY_PAGES: Readonly<Record<string, PathItem>> = {
  '/': page('Gateway_Index', 'Who the caller is, the stations, and where to go from here', 'text/html', HTML),
  '/docs': page('Gateway_Docs', 'This description as a page to read', 'text/html', HTML),
  '/openapi.json': page('Gateway_OpenApi', 'This description as OpenAPI 3.1', 'application/json', {
    schema: { type: 'object', additionalProperties: true },
  }),
  '/whoami': page('Gateway_WhoAmI', 'What the gateway read from the client certificate', 'application/json', {
    schema: IDENTITY,
  }),
  '/healthz': page('Gateway_Health', 'Whether the gateway runs', '*/*', HTML),
  '/readyz': page('Gateway_Ready', 'Whether the gateway reaches its backend', '*/*', HTML, problemsOf([503])),
};

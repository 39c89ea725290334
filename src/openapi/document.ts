import type { Descriptors } from '../descriptors.ts';
import type { RouteTable } from '../gateway/routes/table.ts';
import { GATEWAY_PAGES, GATEWAY_TAG } from './gateway-pages.ts';
import type { OpenApiDocument, PathItem } from './model.ts';
import { SHARED_PARAMETERS } from './parameters.ts';
import { routePaths } from './paths.ts';
import { HEADERS, PROBLEM_RESPONSES, PROBLEM_SCHEMA } from './problems.ts';
import { SHARED_SCHEMAS } from './scalar-schemas.ts';
import { SchemaBook } from './schemas.ts';

export type { OpenApiDocument } from './model.ts';

/** What a document says besides its operations. */
export interface DocumentOptions {
  readonly title: string;
  /** Version of the API that is described. */
  readonly version: string;
  /** Where the API is served; without it, where the document itself was found. */
  readonly serverUrl?: string;
  /** True to list the gateway's own pages (/whoami, /docs, …) too. */
  readonly gatewayPages: boolean;
}

const ABOUT = `Every request needs a client certificate: the gateway knows its callers by nothing else.

Messages are written in the standard JSON mapping of protobuf. 64-bit integers come as strings and are taken as numbers
too; bytes are base64, in either alphabet; enums come by name, a number that has none as a number, and both are taken.
Names come in lowerCamelCase and are taken as the proto spells them too. A field that holds its default (0, "", false, an
empty list) is left out, unless its proto marks it \`optional\`. Members and query parameters that are not known are
refused.`;

/**
 * Describes a set of RPCs as the gateway serves them, as OpenAPI 3.1. The same input always gives the same document.
 *
 * @throws UsageError never of its own; descriptors and routes were checked when they were made.
 */
export function openApiDocument(
  descriptors: Descriptors,
  routes: RouteTable,
  { title, version, serverUrl, gatewayPages }: DocumentOptions,
): OpenApiDocument {
  const book = new SchemaBook(descriptors);
  const comments = new Map(descriptors.services.map((service) => [service.name, service.comment]));
  const fromRoutes = routePaths(book, routes.routes, comments, GATEWAY_TAG);
  const paths = gatewayPages ? withPages(fromRoutes.paths) : fromRoutes.paths;
  const own = { name: GATEWAY_TAG, description: "The gateway's own pages." };
  const schemas = book.all();
  const responses = PROBLEM_RESPONSES;
  const used = JSON.stringify([paths, schemas, responses]);
  const onlyUsed = <T>(kind: string, all: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => used.includes(`"#/components/${kind}/${name}"`)));
  return {
    openapi: '3.1.1',
    info: { title, version, description: ABOUT.replace(/(\S)\n(?=\S)/g, '$1 ') },
    ...(serverUrl === undefined ? {} : { servers: [{ url: serverUrl }] }),
    security: [{ mutualTLS: [] }],
    tags: [...fromRoutes.tags, ...(gatewayPages ? [own] : [])],
    paths,
    components: {
      schemas: onlyUsed('schemas', { ...schemas, [SHARED_SCHEMAS.problem]: PROBLEM_SCHEMA }),
      parameters: onlyUsed('parameters', SHARED_PARAMETERS),
      headers: HEADERS,
      responses: onlyUsed('responses', responses),
      securitySchemes: {
        mutualTLS: {
          type: 'mutualTLS',
          description:
            "A certificate of the gateway's client CA with exactly one CN, sent in the TLS handshake. The policy says " +
            'what its holder may do.',
        },
      },
    },
  };
}

/** The gateway answers the paths of its own pages itself, whatever an RPC binds there. */
function withPages(paths: Readonly<Record<string, PathItem>>): Readonly<Record<string, PathItem>> {
  const others = Object.entries(paths).filter(([path]) => !Object.hasOwn(GATEWAY_PAGES, path));
  return { ...Object.fromEntries(others), ...GATEWAY_PAGES };
}

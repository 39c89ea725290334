import type { Route } from '../gateway/routes/table.ts';
import { goodResponses, requestBody } from './bodies.ts';
import { description, paragraphs, summary } from './comment.ts';
import type { Operation } from './model.ts';
import { pathParameters, queryParameters, sharedParameters, streamParameters } from './parameters.ts';
import { problemsOf } from './problems.ts';
import type { SchemaBook } from './schemas.ts';
import type { UrlPath } from './url-path.ts';

/** How an operation is called in the document. */
export interface OperationNames {
  readonly operationId: string;
  readonly tag: string;
}

/** Describes one binding of one RPC under the path that the document has for it. */
export function operationOf(book: SchemaBook, route: Route, path: UrlPath, names: OperationNames): Operation {
  const { method } = route;
  const body = requestBody(book, route);
  const text = description(method.comment);
  const short = summary(method.comment, method.shortName);
  return {
    operationId: names.operationId,
    tags: [names.tag],
    summary: short,
    // A comment of one sentence is the summary already.
    description: paragraphs(
      text?.replace(/\s+/g, ' ') === `${short}.` ? undefined : text,
      `gRPC: \`${method.name}\`${streaming(route)}.`,
    ),
    ...(method.deprecated ? { deprecated: true as const } : {}),
    'x-grpc-method': method.name,
    parameters: [
      ...pathParameters(book, route, path),
      ...queryParameters(book, route),
      ...streamParameters(route),
      ...sharedParameters(),
    ],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      ...goodResponses(book, route),
      ...problemsOf([
        400,
        401,
        403,
        404,
        406,
        ...(method.idempotent ? [] : ([409] as const)),
        ...(body === undefined ? [] : ([413, 415] as const)),
        429,
        503,
        504,
      ]),
    },
  };
}

function streaming({ method }: Route): string {
  if (method.clientStreaming && method.serverStreaming) return ', streams both ways';
  if (method.clientStreaming) return ', the request is a stream';
  return method.serverStreaming ? ', the answer is a stream' : '';
}

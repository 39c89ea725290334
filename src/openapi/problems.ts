import { CODES, codeNumber, httpStatus } from '../errors.ts';
import type { Header, Reference, Response, Schema } from './model.ts';
import { SHARED_SCHEMAS } from './scalar-schemas.ts';

/** Every error answer: RFC 9457 with the members that Passband adds. */
export const PROBLEM_SCHEMA: Schema = {
  description: 'What went wrong (RFC 9457).',
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId', 'details'],
  properties: {
    type: {
      type: 'string',
      format: 'uri-reference',
      description: 'Kind of the problem; `about:blank` for the status alone.',
    },
    title: { type: 'string', description: 'The kind of problem in words.' },
    status: { type: 'integer', minimum: 400, maximum: 599, description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What is wrong with this request, and the remedy where there is one.' },
    instance: {
      type: 'string',
      format: 'uri-reference',
      description: 'Which request it was: `urn:passband:request:` and its id.',
    },
    code: { type: 'string', enum: CODES.filter((code) => code !== 'OK'), description: 'The gRPC status.' },
    requestId: { type: 'string', description: 'Name of the request in the logs.' },
    details: {
      type: 'array',
      description: 'google.rpc details, such as google.rpc.BadRequest with the fields that are wrong.',
      items: {
        type: 'object',
        required: ['@type'],
        properties: { '@type': { type: 'string' } },
        additionalProperties: true,
      },
    },
  },
};

/** The statuses that have an answer of their own in a document, with their names among the shared components. */
const NAMED = {
  400: ['BadRequest', 'The request is malformed or does not fit the state of the system.'],
  401: ['Unauthenticated', 'The caller is not known, or its certificate is not valid now.'],
  403: ['Forbidden', 'The policy does not let this caller do this.'],
  404: ['NotFound', 'There is no such thing.'],
  406: ['NotAcceptable', 'None of the media types in Accept can be given.'],
  409: ['Conflict', 'It exists already, or something else was in the way.'],
  413: ['ContentTooLarge', 'The request body is larger than the gateway takes.'],
  415: ['UnsupportedMediaType', 'The request body is of a media type that this call does not take.'],
  429: ['TooManyRequests', 'A limit is used up.'],
  503: ['Unavailable', 'The backend cannot be reached now.'],
  504: ['DeadlineExceeded', 'The deadline passed before there was an answer.'],
} as const satisfies Readonly<Record<number, readonly [string, string]>>;

type NamedStatus = keyof typeof NAMED;

/** Headers that every answer has. */
export const SHARED_HEADERS: Readonly<Record<string, Reference>> = {
  'X-Request-Id': { $ref: '#/components/headers/XRequestId' },
};

/** What the headers of every answer mean. */
export const HEADERS: Readonly<Record<string, Header>> = {
  XRequestId: { description: 'Name of this request in the logs.', schema: { type: 'string' } },
};

function problem(description: string): Response {
  return {
    description,
    headers: SHARED_HEADERS,
    content: { 'application/problem+json': { schema: { $ref: `#/components/schemas/${SHARED_SCHEMAS.problem}` } } },
  };
}

function grpcCodes(status: number): string {
  const names = CODES.filter((code) => codeNumber(code) !== 0 && httpStatus(code) === status);
  return names.length === 0 ? '' : ` gRPC: ${names.join(', ')}.`;
}

/** The error answers that operations point to. */
export const PROBLEM_RESPONSES: Readonly<Record<string, Response>> = {
  ...Object.fromEntries(
    Object.entries(NAMED).map(([status, [name, text]]) => [name, problem(text + grpcCodes(Number(status)))]),
  ),
  Problem: problem('Any other error.'),
};

/** The error answers of an operation: pointers by status, `default` for all others. */
export function problemsOf(statuses: readonly NamedStatus[]): Readonly<Record<string, Reference>> {
  const named = statuses.map((status): [string, Reference] => [
    String(status),
    { $ref: `#/components/responses/${NAMED[status][0]}` },
  ]);
  return { ...Object.fromEntries(named), default: { $ref: '#/components/responses/Problem' } };
}

import type { BodyHeader } from '../body-options.ts';
import type { FieldPlan, MessagePlan } from '../gateway/routes/plan.ts';
import { HTTP_BODY } from '../gateway/routes/request.ts';
import type { Route } from '../gateway/routes/table.ts';
import { paragraphs } from './comment.ts';
import type { Content, Header, MediaType, RequestBody, Response, Schema } from './model.ts';
import { SHARED_HEADERS } from './problems.ts';
import type { SchemaBook } from './schemas.ts';

/** Bytes that are no text. OpenAPI 3.1 would do without a format, but generators know binary bodies by it. */
const BINARY: MediaType = { schema: { type: 'string', format: 'binary' } };

function isHttpBody(field: FieldPlan): boolean {
  return field.kind === 'message' && !field.repeated && field.mapKey === undefined && isHttpBodyPlan(field.message());
}

function isHttpBodyPlan(plan: MessagePlan): boolean {
  return plan.fullName === HTTP_BODY;
}

/** What a route takes as its request body; undefined for none. */
export function requestBody(book: SchemaBook, route: Route): RequestBody | undefined {
  const { body, request, method, variables } = route;
  if (body === undefined) return undefined;
  const raw = body === '*' ? isHttpBodyPlan(request) : isHttpBody(body);
  if (raw) return { description: 'Passed on as it is, with its media type.', content: { '*/*': BINARY } };

  const taken = variables.map(({ fieldPath }) => fieldPath);
  const schema = body === '*' ? book.messageWithout(request, taken) : bodyField(book, route, body);
  const isMessage = body === '*' || (body.kind === 'message' && !body.repeated && body.mapKey === undefined);
  const binary: Content = isMessage ? { 'application/x-protobuf': BINARY } : {};
  if (!method.clientStreaming) return { content: { 'application/json': { schema }, ...binary } };
  const lines: MediaType = { schema: { type: 'string' }, 'x-itemSchema': schema };
  const url = taken.length > 0 ? 'What the path says holds for each of them.' : undefined;
  return {
    description: paragraphs(
      'A stream of messages, read while it comes: JSON with one message a line, or protobuf messages each behind its ' +
        'length as a varint.',
      url,
    ),
    required: true,
    content: { 'application/x-ndjson': lines, 'application/jsonl': lines, ...binary },
  };
}

/** A field that is the body, without what the path gives of it: `patch "/{book.name=…}"`, body `book`. */
function bodyField(book: SchemaBook, { request, variables }: Route, body: FieldPlan): Schema {
  const below = variables.filter(({ fields }) => fields[0] === body).map(({ fieldPath }) => fieldPath.slice(1));
  return below.length === 0 ? book.field(request, body) : book.messageWithout(body.message(), below);
}

/** What a route answers when all is well, by status. */
export function goodResponses(book: SchemaBook, route: Route): Readonly<Record<string, Response>> {
  const { method, response, responseBody } = route;
  if (isHttpBodyPlan(response)) {
    return {
      200: {
        description: 'The body that the backend sends, with its own media type.',
        headers: { ...SHARED_HEADERS, ...Object.fromEntries(method.bodyHeaders.map(headerOf)) },
        content: { '*/*': BINARY },
      },
    };
  }
  const schema = responseBody === undefined ? book.message(response) : book.field(response, responseBody);
  if (method.serverStreaming) return streamResponses(route, schema);
  // One field of a message has no protobuf form of its own.
  const binary: Content = responseBody === undefined ? { 'application/x-protobuf': BINARY } : {};
  return good(200, 'The answer.', { 'application/json': { schema }, ...binary });
}

/** What a document says of a header that the backend asks for. */
function headerOf({ name, description, kind }: BodyHeader): readonly [string, Header] {
  const spelled = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
  return [spelled, { description, schema: { type: kind === 'text' ? 'string' : kind } }];
}

function good(status: 200 | 204, description: string, content?: Content): Readonly<Record<string, Response>> {
  return { [status]: { description, headers: SHARED_HEADERS, ...(content === undefined ? {} : { content }) } };
}

function streamResponses(route: Route, item: Schema): Readonly<Record<string, Response>> {
  const { idField, epochField } = route.method.stream;
  const position = epochField === undefined ? `\`${idField}\`` : `\`${epochField}\`-\`${idField}\``;
  const id = idField === undefined ? '' : ` and the message's position (${position}) as its \`id\``;
  const anew =
    epochField === undefined
      ? ''
      : ', or {"lost": null, "reason": "epoch"} with the ids around it where they began anew';
  const events = [
    'A stream of messages. As server-sent events:',
    [
      `- an event without a name: \`data\` is one message as JSON${id};`,
      '- `gap`: messages were lost here; `data` is {"lost": n}, with "from" and "to" where the ids tell them' +
        `${anew};`,
      '- `end`: the stream is over; `data` is a google.rpc.Status as JSON, code 0 when all went well. A client that ' +
        'comes back with the id of this event is answered 204.',
    ].join('\n'),
    'A comment is sent in times of silence.',
    'The other media types carry the same messages: one a line, one JSON array, or protobuf messages each behind its ' +
      'length as a varint.',
  ];
  const lines: MediaType = { schema: { type: 'string' }, 'x-itemSchema': item };
  return {
    ...good(200, paragraphs(...events), {
      'text/event-stream': lines,
      'application/x-ndjson': lines,
      'application/jsonl': lines,
      'application/json': { schema: { type: 'array', items: item } },
      'application/x-protobuf': BINARY,
    }),
    ...good(204, 'The stream that this client read has ended for good; an EventSource stops here.'),
  };
}

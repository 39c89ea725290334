import type { FieldPlan, MessagePlan } from '../gateway/routes/plan.ts';
import type { Route } from '../gateway/routes/table.ts';
import { isTextMessage } from '../gateway/routes/url-value.ts';
import { paragraphs } from './comment.ts';
import type { Parameter, Reference, Schema } from './model.ts';
import { WELL_KNOWN_SCHEMAS } from './scalar-schemas.ts';
import type { SchemaBook } from './schemas.ts';
import type { Slot, UrlPath } from './url-path.ts';

/** Messages in messages that query parameters are listed for; the gateway takes deeper ones too. */
const MAX_QUERY_DEPTH = 5;
/** Query parameters listed for one operation: as many as the gateway takes in one query. */
const MAX_QUERY_PARAMETERS = 256;

/** The parameters of a route's path, in its order. */
export function pathParameters(book: SchemaBook, route: Route, path: UrlPath): Parameter[] {
  return path.slots.map((slot) => {
    const text = slotDescription(book, route, slot);
    const schema = slotSchema(book, slot);
    return {
      name: slot.name,
      in: 'path',
      required: true,
      ...(text === '' ? {} : { description: text }),
      schema,
    };
  });
}

function slotSchema(book: SchemaBook, { variable, whole, rest }: Slot): Schema {
  const field = variable?.fields.at(-1);
  if (rest) return { type: 'string', pattern: '^[^/]+(/[^/]+)*$' };
  const schema: Schema = whole && field !== undefined ? book.value(field) : { type: 'string' };
  return schema.type === 'string' && schema.format === undefined && schema.enum === undefined
    ? { ...schema, minLength: 1 }
    : schema;
}

function slotDescription(book: SchemaBook, route: Route, { name, variable, whole, rest }: Slot): string {
  const field = variable?.fields.at(-1);
  const fieldName = variable?.fieldPath.join('.');
  const owner = variable?.fields.at(-2)?.message() ?? route.request;
  const comment = field === undefined ? undefined : book.fieldComment(owner, field);
  const part = whole ? undefined : `One part of \`${fieldName}\`, which has the form \`${formOf(route, variable)}\`.`;
  const many = 'Any number of path segments, also none: write the slashes between them as they are, not as %2F.';
  return paragraphs(
    comment,
    variable === undefined ? 'Any text; it is not looked at.' : part,
    // Where paths of one shape are told under one name, this is the name in the proto.
    whole && fieldName !== name ? `Field \`${fieldName}\`.` : undefined,
    rest ? many : undefined,
  );
}

/** The segments of a variable as its template writes them. */
function formOf(route: Route, variable: Slot['variable']): string {
  if (variable === undefined) return '';
  const { segments } = route.template;
  return segments
    .slice(variable.start, variable.end === -1 ? segments.length : variable.end)
    .map((segment) => (segment.kind === 'literal' ? segment.text : segment.kind === 'one' ? '*' : '**'))
    .join('/');
}

/** The query parameters that a route's path and body leave. */
export function queryParameters(book: SchemaBook, route: Route): Parameter[] {
  if (route.body === '*') return [];
  const inPath = new Set(route.variables.map(({ fieldPath }) => fieldPath.join('.')));
  const found: Parameter[] = [];
  const walk = (plan: MessagePlan, above: readonly FieldPlan[], seen: ReadonlySet<string>): void => {
    for (const field of plan.fields) {
      const fields = [...above, field];
      if (found.length >= MAX_QUERY_PARAMETERS || fields[0] === route.body) continue;
      if (field.name.startsWith('[') || field.mapKey !== undefined) continue;
      if (inPath.has(fields.map(({ name }) => name).join('.'))) continue;
      const inner = field.kind === 'message' ? field.message() : undefined;
      if (inner === undefined || isTextMessage(inner.fullName)) found.push(queryParameter(book, plan, fields, field));
      else if (field.repeated || Object.hasOwn(WELL_KNOWN_SCHEMAS, inner.fullName)) continue;
      else if (fields.length <= MAX_QUERY_DEPTH && !seen.has(inner.fullName)) {
        walk(inner, fields, new Set([...seen, inner.fullName]));
      }
    }
  };
  walk(route.request, [], new Set([route.request.fullName]));
  return found;
}

function queryParameter(
  book: SchemaBook,
  plan: MessagePlan,
  fields: readonly FieldPlan[],
  field: FieldPlan,
): Parameter {
  const others = plan.fields.filter(({ oneof }) => oneof !== undefined && oneof === field.oneof);
  const excluded = others.filter((other) => other !== field).map(({ jsonName }) => `\`${jsonName}\``);
  const text = paragraphs(
    book.fieldComment(plan, field),
    excluded.length > 0 ? `Not together with ${excluded.join(', ')}.` : undefined,
  );
  return {
    // A JSON name with a dot of its own could not be told from a path.
    name: fields.map(({ name, jsonName }) => (jsonName.includes('.') ? name : jsonName)).join('.'),
    in: 'query',
    ...(text === '' ? {} : { description: text }),
    ...(book.isDeprecated(plan, field) ? { deprecated: true as const } : {}),
    ...(field.repeated ? { style: 'form' as const, explode: true as const } : {}),
    schema: book.value(field),
  };
}

/** Header parameters that every RPC takes. */
export const SHARED_PARAMETERS: Readonly<Record<string, Parameter>> = {
  XRequestId: {
    name: 'X-Request-Id',
    in: 'header',
    description:
      'Name of this request in the logs of gateway and backend. The gateway makes one where there is none, or none of ' +
      'this form.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
  },
  GrpcTimeout: {
    name: 'Grpc-Timeout',
    in: 'header',
    description:
      'Deadline of the call as gRPC writes it: up to eight digits and a unit (H, M, S, m, u, n), such as 500m. ' +
      'The gateway may cap it.',
    schema: { type: 'string', pattern: '^[0-9]{1,8}[HMSmun]$' },
  },
  XRequestTimeout: {
    name: 'X-Request-Timeout',
    in: 'header',
    description:
      'Deadline of the call in seconds, such as 2.5. The gateway may cap it. A stream has none unless it is given.',
    schema: { type: 'number', minimum: 0 },
  },
};

/** Pointers to the header parameters that every RPC takes. */
export function sharedParameters(): Reference[] {
  return Object.keys(SHARED_PARAMETERS).map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

/** The parameters by which a caller steers a stream, where the method's stream options give it a choice. */
export function streamParameters(route: Route): Parameter[] {
  const { method, request } = route;
  if (!method.serverStreaming || method.response.fullName === '.google.api.HttpBody') return [];
  const { idField, resumeField, overflow, allowedOverflow } = method.stream;
  const meaning =
    resumeField === undefined
      ? 'The id of the last event that was read. This stream does not replay: it goes on with what comes next.'
      : 'The id of the last event that was read: the stream goes on after it, as far back as it is still held.';
  const parameters: Parameter[] = [];
  if (idField !== undefined) {
    parameters.push(
      { name: 'Last-Event-ID', in: 'header', description: meaning, schema: { type: 'string' } },
      {
        name: 'lastEventId',
        in: 'query',
        description: 'The same as `Last-Event-ID`, for callers that cannot set headers.',
        schema: { type: 'string' },
      },
    );
  }
  if (allowedOverflow.size > 1) {
    parameters.push({
      name: 'overflow',
      in: 'query',
      description:
        'What happens to a reader that is slower than the stream. `block` holds the stream back, `drop-oldest` keeps ' +
        'the newest messages of a bounded queue, `latest` only the newest one; what was dropped is reported.',
      schema: { type: 'string', enum: [...allowedOverflow], default: overflow },
    });
  }
  // A field that the query may set has its name for itself.
  const isField = (name: string): boolean => route.body !== '*' && request.byName.has(name);
  return parameters.filter(({ in: where, name }) => where !== 'query' || !isField(name));
}

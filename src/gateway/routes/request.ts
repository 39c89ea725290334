import { PassbandError } from '../../errors.ts';
import type { JsonValue } from './json-text.ts';
import { fieldFromJson, isWellKnown, mergeJson, messageFromJson, setField } from './json-to-message.ts';
import { encodeMessage, type FieldValue, type Message, newMessage } from './message.ts';
import { decodeMultiSegment, decodeSegment } from './path.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { parseQuery, queryAssignments } from './query.ts';
import { invalid } from './scalar.ts';
import type { BoundVariable, Route } from './table.ts';
import { type Assignment, valueFromText } from './url-value.ts';

/** A body that is passed on as it came, for google.api.HttpBody. */
export interface RawBody {
  readonly contentType: string;
  readonly data: Uint8Array;
}

/** A request message ready to be decided on and sent. */
export interface BoundRequest {
  readonly message: Message;
  readonly bytes: Buffer;
}

/** Binds the requests of one HTTP call. The URL is read once; a client stream binds it to each of its messages. */
export interface RequestBinder {
  /** Query parameters that steer the gateway and belong to no field. */
  readonly controls: ReadonlyMap<string, string>;
  /** True when the body is passed on raw as google.api.HttpBody. */
  readonly rawBody: boolean;
  fromNothing(): BoundRequest;
  fromJson(json: JsonValue): BoundRequest;
  fromRaw(body: RawBody): BoundRequest;
  /** The wire form of what the body stands for; it is not decoded, the URL's fields are appended to it. */
  fromProtobuf(bytes: Uint8Array): Buffer;
}

/** Name of the message whose bytes are an HTTP body. */
export const HTTP_BODY = 'google.api.HttpBody';

/**
 * Prepares the binding of a call: path variables and query parameters are read and checked now.
 *
 * @param controls names of query parameters that are the gateway's own unless the request message has such a field.
 * @throws PassbandError INVALID_ARGUMENT that names the parameter.
 */
export function bindRequest(
  route: Route,
  segments: readonly string[],
  query: string,
  controls: ReadonlySet<string>,
): RequestBinder {
  const path = route.variables.map((variable) => pathAssignment(variable, segments));
  const fromQuery = queryAssignments(route, parseQuery(query), controls);
  const bodyPlan = route.body === '*' ? route.request : route.body?.message;
  const bound = (message: Message): BoundRequest => {
    for (const assignment of fromQuery.assignments) assign(route.request, message, assignment);
    for (const assignment of path) assign(route.request, message, assignment);
    return { message, bytes: encodeMessage(route.request, message) };
  };
  return {
    controls: fromQuery.controls,
    rawBody: isHttpBody(route),
    fromNothing: () => bound(newMessage()),
    fromJson: (json) => {
      const message = newMessage();
      if (route.body === '*') {
        if (isWellKnown(route.request.fullName)) return bound(messageFromJson(route.request, json));
        if (json === null || typeof json !== 'object' || !('members' in json))
          throw invalid('body', 'must be a JSON object');
        mergeJson(route.request, message, json, 'body');
        refuseOtherValues(message, path);
      } else if (route.body !== undefined && json !== null) {
        setField(route.request, message, route.body, fieldFromJson(route.body, json, 'body'), 'body');
      }
      return bound(message);
    },
    fromRaw: (body) => {
      const raw = newMessage();
      raw.content_type = body.contentType;
      raw.data = body.data;
      if (route.body === '*' || route.body === undefined) return bound(raw);
      const message = newMessage();
      message[route.body.name] = raw;
      return bound(message);
    },
    fromProtobuf: (bytes) => {
      if (bodyPlan === undefined) throw new PassbandError('INVALID_ARGUMENT', 'this call takes no body');
      const url = bound(newMessage()).bytes;
      if (route.body === '*') return Buffer.concat([bytes, url]);
      const tag = encodeTag(route.body, bytes.length);
      return Buffer.concat([tag, bytes, url]);
    },
  };
}

function isHttpBody(route: Route): boolean {
  if (route.body === '*') return route.request.fullName === HTTP_BODY;
  return route.body?.kind === 'message' && !route.body.repeated && route.body.message().fullName === HTTP_BODY;
}

/** Tag and length of a length-delimited field. */
function encodeTag(field: FieldPlan | undefined, length: number): Buffer {
  if (field?.kind !== 'message' || field.repeated) {
    throw new PassbandError('INVALID_ARGUMENT', 'the body of this call has no protobuf form; send JSON', {
      status: 415,
    });
  }
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  return Buffer.from([...varint((field.number << 3) | 2), ...varint(length)]);
}

function pathAssignment(variable: BoundVariable, segments: readonly string[]): Assignment {
  const part = segments.slice(variable.start, variable.end === -1 ? undefined : variable.end);
  const text = variable.multiSegment ? decodeMultiSegment(part) : decodeSegment(part[0] ?? '');
  const where = variable.fieldPath.join('.');
  return { fields: variable.fields, value: valueFromText(variable.fields.at(-1), text, where), where };
}

function assign(plan: MessagePlan, message: Message, { fields, value, where }: Assignment): void {
  let at = message;
  let atPlan = plan;
  for (const [index, field] of fields.entries()) {
    if (index === fields.length - 1) {
      setField(atPlan, at, field, value, where);
      return;
    }
    const inner = at[field.name];
    const next = inner === undefined ? newMessage() : (inner as Message);
    if (inner === undefined) setField(atPlan, at, field, next, where);
    at = next;
    atPlan = field.message();
  }
}

/** A body may repeat what the path says; a body that says something else is refused, not silently overruled. */
function refuseOtherValues(message: Message, path: readonly Assignment[]): void {
  for (const { fields, value, where } of path) {
    let at: FieldValue | undefined = message;
    for (const field of fields) at = at === undefined ? undefined : (at as Message)[field.name];
    if (at !== undefined && typeof value !== 'object' && at !== value) {
      throw invalid(where, 'is given in the path; the body says something else');
    }
  }
}

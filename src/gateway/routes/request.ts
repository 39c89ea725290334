import { PassbandError } from '../../errors.ts';
import { type Assignment, assign, pathAssignment, refuseOtherValues } from './assignment.ts';
import type { JsonValue } from './json-text.ts';
import { fieldFromJson, messageFromJson, setField, takesNull } from './json-to-message.ts';
import { encodeMessage, type Message, newMessage } from './message.ts';
import { viewMessage } from './message-view.ts';
import { framed, overlay } from './overlay.ts';
import type { FieldPlan } from './plan.ts';
import { parseQuery, queryAssignments } from './query.ts';
import type { Route } from './route.ts';
import { valueFromText } from './url-value.ts';
import { isOneMessage } from './wire.ts';

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
  /**
   * Puts the position to resume after, or a part of it, into a field of the request; it overrules what the URL says of
   * that field.
   */
  resumeAfter(fieldName: string, id: string): void;
  /** False when the binding maps no body. */
  readonly takesBody: boolean;
  fromNothing(): BoundRequest;
  fromJson(json: JsonValue): BoundRequest;
  fromRaw(body: RawBody): BoundRequest;
  /** From the wire form of what the body stands for: it is passed on as it is, the URL's fields are laid over it. */
  fromProtobuf(bytes: Uint8Array): BoundRequest;
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
  const resume: Assignment[] = [];
  const addUrl = (message: Message): Message => {
    refuseOtherValues(message, path);
    for (const assignment of fromQuery.assignments) assign(route.request, message, assignment, 'refuse');
    for (const assignment of path) assign(route.request, message, assignment, 'overrule');
    for (const assignment of resume) assign(route.request, message, assignment, 'overrule');
    return message;
  };
  const bound = (body: Message): BoundRequest => {
    const message = addUrl(body);
    return { message, bytes: encodeMessage(route.request, message) };
  };
  return {
    controls: fromQuery.controls,
    rawBody: isHttpBody(route),
    takesBody: route.body !== undefined,
    resumeAfter: (fieldName, id) => {
      const field = route.request.byName.get(fieldName);
      if (field === undefined) throw new TypeError(`${route.request.fullName} has no field ${fieldName}`);
      resume.push({ fields: [field], value: valueFromText(field, id, 'Last-Event-ID'), where: 'Last-Event-ID' });
    },
    fromNothing: () => bound(newMessage()),
    fromJson: (json) => {
      if (route.body === '*') return bound(messageFromJson(route.request, json));
      const message = newMessage();
      if (route.body !== undefined && (json !== null || takesNull(route.body))) {
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
      if (route.body === undefined) throw new PassbandError('INVALID_ARGUMENT', 'this call takes no body');
      const body = route.body === '*' ? bytes : frame(route.body, bytes);
      // The view reads every frame, so that no unfinished field can swallow what is appended.
      const message = addUrl(viewMessage(route.request, body));
      const whole = overlay(route.request, body, addUrl(newMessage()));
      return { message, bytes: Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength) };
    },
  };
}

function isHttpBody({ body, request }: Route): boolean {
  if (body === '*') return request.fullName === HTTP_BODY;
  return body !== undefined && isOneMessage(body) && body.message().fullName === HTTP_BODY;
}

/** The wire form of a message as a field of another. */
function frame(field: FieldPlan, bytes: Uint8Array): Uint8Array {
  if (!isOneMessage(field)) {
    throw new PassbandError('INVALID_ARGUMENT', 'the body of this call has no protobuf form; send JSON', {
      status: 415,
    });
  }
  // Framed by tags alone, a body could close its own group and go on outside of it; checked here, it cannot.
  viewMessage(field.message(), bytes);
  return framed(field, bytes);
}

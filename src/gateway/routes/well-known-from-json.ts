import { PassbandError } from '../../errors.ts';
import { echoed } from './echoed.ts';
import type { JsonObject, JsonValue } from './json-text.ts';
import { encodeMessage, type FieldValue, type Message, newMessage } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { floating, invalid, unicode } from './scalar.ts';
import { parseDuration, parseFieldMask, parseTimestamp, type SecondsAndNanos } from './well-known.ts';

/** Any messages inside one another. Each holds the bytes of all inside it, which are copied once for each of them. */
const MAX_ANY_DEPTH = 16;

/** How a reader of this file has what lies inside its message read. */
export interface Inner {
  message(plan: MessagePlan, json: JsonValue, where: string, anys: number): Message;
  field(field: FieldPlan, json: JsonValue, where: string, anys: number): FieldValue;
  /** Whether a message type has a JSON form of its own. */
  isSpecial(fullName: string): boolean;
}

/**
 * Reads a message whose JSON form is not that of an ordinary one.
 *
 * @param anys how many google.protobuf.Any it lies in.
 */
export type Reader = (plan: MessagePlan, json: JsonValue, where: string, inner: Inner, anys: number) => Message;

function text(json: JsonValue | undefined, where: string): string {
  if (typeof json === 'string') return unicode(json, where);
  throw invalid(where, 'must be a string');
}

function objectOf(json: JsonValue, where: string): JsonObject {
  if (json !== null && typeof json === 'object' && 'members' in json) return json;
  throw invalid(where, 'must be an object');
}

/** A message of well-known fields; each has the name it has in Google's own proto. */
function of(fields: Readonly<Record<string, FieldValue>>): Message {
  return Object.assign(newMessage(), fields);
}

function time({ seconds, nanos }: SecondsAndNanos): Message {
  return of({ seconds, nanos });
}

/** A message that is written as the value of its only field. */
const onlyField: Reader = ({ fields: [field] }, json, where, inner, anys) => {
  if (json === null) throw invalid(where, 'must not be null');
  return field === undefined ? newMessage() : of({ [field.name]: inner.field(field, json, where, anys) });
};

const value: Reader = (plan, json, where, inner, anys) => {
  const nested = (name: string): Message => {
    const field = plan.byName.get(name);
    return of(field === undefined ? {} : { [name]: inner.field(field, json, where, anys) });
  };
  if (json === null) return of({ null_value: 0 });
  if (typeof json === 'string') return of({ string_value: unicode(json, where) });
  if (typeof json === 'boolean') return of({ bool_value: json });
  if ('number' in json) return of({ number_value: floating('double', json.number, false, where) });
  return nested('members' in json ? 'struct_value' : 'list_value');
};

/** `{"@type": "type.googleapis.com/pkg.Name", …}`; a well-known type stands in a member `value`. */
const any: Reader = (plan, json, where, inner, anys) => {
  const { members } = objectOf(json, where);
  if (members.size === 0) return newMessage();
  const url = text(members.get('@type'), `${where}.@type`);
  const name = url.slice(url.lastIndexOf('/') + 1);
  const type = url.includes('/') ? plan.lookup(name) : undefined;
  if (type === undefined)
    throw new PassbandError('INVALID_ARGUMENT', `${where}.@type: "${echoed(url)}" names no known message type`);
  if (anys >= MAX_ANY_DEPTH)
    throw invalid(where, `is inside ${MAX_ANY_DEPTH} google.protobuf.Any, and no more are read`);
  const rest = new Map([...members].filter(([key]) => key !== '@type'));
  const only = rest.size === 1 ? rest.get('value') : undefined;
  const bytes = (body: JsonValue, at: string): Message =>
    of({ type_url: url, value: encodeMessage(type, inner.message(type, body, at, anys + 1)) });
  // Some writers take Empty for a type with a form of its own.
  if (name === 'google.protobuf.Empty' && only !== undefined) return bytes(only, `${where}.value`);
  if (!inner.isSpecial(name)) return bytes({ members: rest }, where);
  if (only === undefined) throw invalid(where, `with "${name}" takes exactly the members "@type" and "value"`);
  return bytes(only, `${where}.value`);
};

/** By full name. google.protobuf.Empty is missing: its form is an ordinary one. */
export const READERS: ReadonlyMap<string, Reader> = new Map([
  ['google.protobuf.Timestamp', (_, json, where) => time(parseTimestamp(text(json, where), where))],
  ['google.protobuf.Duration', (_, json, where) => time(parseDuration(text(json, where), where))],
  ['google.protobuf.FieldMask', (_, json, where) => of({ paths: parseFieldMask(text(json, where), where) })],
  ['google.protobuf.DoubleValue', onlyField],
  ['google.protobuf.FloatValue', onlyField],
  ['google.protobuf.Int64Value', onlyField],
  ['google.protobuf.UInt64Value', onlyField],
  ['google.protobuf.Int32Value', onlyField],
  ['google.protobuf.UInt32Value', onlyField],
  ['google.protobuf.BoolValue', onlyField],
  ['google.protobuf.StringValue', onlyField],
  ['google.protobuf.BytesValue', onlyField],
  ['google.protobuf.Struct', onlyField],
  ['google.protobuf.ListValue', onlyField],
  ['google.protobuf.Value', value],
  ['google.protobuf.Any', any],
] satisfies [string, Reader][]);

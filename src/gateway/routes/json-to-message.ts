import { PassbandError } from '../../errors.ts';
import type { JsonObject, JsonValue } from './json-text.ts';
import { encodeMessage, type FieldValue, type Message, newMessage, type Scalar } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { base64, enumByName, floating, integer, invalid, scalarFromText, unicode } from './scalar.ts';
import { parseDuration, parseFieldMask, parseTimestamp, type SecondsAndNanos } from './well-known.ts';

/** A message from its JSON form (protobuf.dev/programming-guides/json). Unknown members are refused. */
export function messageFromJson(plan: MessagePlan, json: JsonValue, where = 'body'): Message {
  const special = isWellKnown(plan.fullName) ? WELL_KNOWN[plan.fullName] : undefined;
  if (special !== undefined) return special(plan, json, where);
  const message = newMessage();
  mergeJson(plan, message, objectOf(json, where), where);
  return message;
}

/** Sets the members of a JSON object on a message. A field that is set already, or given in both spellings, is refused. */
export function mergeJson(plan: MessagePlan, message: Message, json: JsonObject, where: string): void {
  const seen = new Set<FieldPlan>();
  for (const [name, value] of json.members) {
    const field = plan.byName.get(name);
    const at = where === 'body' ? name : `${where}.${name}`;
    if (field === undefined) throw invalid(at.slice(0, 256), `${plan.fullName} has no such field`);
    if (seen.has(field)) throw invalid(at, `is given twice, as "${field.jsonName}" and "${field.name}"`);
    seen.add(field);
    // null leaves a field unset, except where null is a value of it.
    if (value === null && !takesNull(field)) continue;
    setField(plan, message, field, fieldFromJson(field, value, at), at);
  }
}

/** Sets a field; two members of one oneof are refused. */
export function setField(
  plan: MessagePlan,
  message: Message,
  field: FieldPlan,
  value: FieldValue,
  where: string,
): void {
  if (field.oneof !== undefined) {
    const other = plan.fields.find(
      (candidate) => candidate.oneof === field.oneof && candidate !== field && message[candidate.name] !== undefined,
    );
    if (other !== undefined) throw invalid(where, `and "${other.jsonName}" exclude each other (oneof ${field.oneof})`);
  }
  message[field.name] = value;
}

/** A field's value from its JSON form, map and repeated fields included. */
export function fieldFromJson(field: FieldPlan, json: JsonValue, where: string): FieldValue {
  if (field.mapKey !== undefined) {
    const keyField: FieldPlan = { ...field, kind: field.mapKey };
    const entries = new Map<Scalar, Scalar | Message>();
    for (const [key, value] of objectOf(json, where).members) {
      const at = `${where}[${JSON.stringify(key).slice(0, 64)}]`;
      const mapKey = scalarFromText(keyField, key, at);
      if (entries.has(mapKey)) throw invalid(at, 'is given twice');
      entries.set(mapKey, elementFromJson(field, value, at));
    }
    return entries;
  }
  if (field.repeated) {
    if (json === null || typeof json !== 'object' || !('array' in json)) throw invalid(where, 'must be an array');
    return json.array.map((element, index) => elementFromJson(field, element, `${where}[${index}]`));
  }
  return elementFromJson(field, json, where);
}

function takesNull(field: FieldPlan): boolean {
  if (field.repeated || field.mapKey !== undefined) return false;
  return field.kind === 'enum'
    ? field.enum?.fullName === 'google.protobuf.NullValue'
    : field.kind === 'message' && field.message().fullName === 'google.protobuf.Value';
}

function elementFromJson(field: FieldPlan, json: JsonValue, where: string): Scalar | Message {
  if (field.kind === 'message') {
    if (json === null && field.message().fullName !== 'google.protobuf.Value') throw invalid(where, 'must not be null');
    return messageFromJson(field.message(), json, where);
  }
  return scalarFromJson(field, json, where);
}

function scalarFromJson(field: FieldPlan, json: JsonValue, where: string): Scalar {
  const number = typeof json === 'object' && json !== null && 'number' in json ? json.number : undefined;
  switch (field.kind) {
    case 'bool':
      if (typeof json === 'boolean') return json;
      throw invalid(where, 'must be true or false');
    case 'string':
      if (typeof json === 'string') return unicode(json, where);
      throw invalid(where, 'must be a string');
    case 'bytes':
      if (typeof json === 'string') return base64(json, where);
      throw invalid(where, 'must be a string of base64');
    case 'enum': {
      if (json === null && field.enum?.fullName === 'google.protobuf.NullValue') return 0;
      if (number !== undefined) return integer('enum', number, where);
      if (typeof json === 'string' && field.enum !== undefined) return enumByName(field.enum, json, where);
      throw invalid(where, 'must be the name or number of an enum value');
    }
    case 'float':
    case 'double':
      if (number !== undefined) return floating(field.kind, number, false, where);
      if (typeof json === 'string') return floating(field.kind, json, true, where);
      throw invalid(where, `must be a number of type ${field.kind}`);
    case 'message':
      throw invalid(where, 'must be an object');
    default: {
      const text = number ?? (typeof json === 'string' ? json : undefined);
      if (text !== undefined) return integer(field.kind, text, where);
      throw invalid(where, `must be a whole number of type ${field.kind}, as a number or a string`);
    }
  }
}

function objectOf(json: JsonValue, where: string): JsonObject {
  if (json !== null && typeof json === 'object' && 'members' in json) return json;
  throw invalid(where, 'must be an object');
}

function text(json: JsonValue, where: string): string {
  if (typeof json === 'string') return json;
  throw invalid(where, 'must be a string');
}

/** A message with values for its fields by number; the names of the well-known types' fields differ among loaders. */
function withNumbers(plan: MessagePlan, values: Readonly<Record<number, FieldValue>>): Message {
  const message = newMessage();
  for (const field of plan.fields) {
    const value = values[field.number];
    if (value !== undefined) message[field.name] = value;
  }
  return message;
}

function time(plan: MessagePlan, value: SecondsAndNanos): Message {
  return withNumbers(plan, { 1: value.seconds, 2: value.nanos });
}

type FromJson = (plan: MessagePlan, json: JsonValue, where: string) => Message;

const wrapper: FromJson = (plan, json, where) => {
  const field = plan.byNumber.get(1);
  if (field === undefined) throw new TypeError(`${plan.fullName} has no field 1`);
  return withNumbers(plan, { 1: scalarFromJson(field, json, where) });
};

/** Messages whose JSON form is not that of an ordinary message. */
const WELL_KNOWN: Readonly<Record<string, FromJson>> = {
  'google.protobuf.Timestamp': (plan, json, where) => time(plan, parseTimestamp(text(json, where), where)),
  'google.protobuf.Duration': (plan, json, where) => time(plan, parseDuration(text(json, where), where)),
  'google.protobuf.FieldMask': (plan, json, where) =>
    withNumbers(plan, { 1: parseFieldMask(text(json, where), where) }),
  'google.protobuf.DoubleValue': wrapper,
  'google.protobuf.FloatValue': wrapper,
  'google.protobuf.Int64Value': wrapper,
  'google.protobuf.UInt64Value': wrapper,
  'google.protobuf.Int32Value': wrapper,
  'google.protobuf.UInt32Value': wrapper,
  'google.protobuf.BoolValue': wrapper,
  'google.protobuf.StringValue': wrapper,
  'google.protobuf.BytesValue': wrapper,
  'google.protobuf.Struct': structFromJson,
  'google.protobuf.ListValue': listFromJson,
  'google.protobuf.Value': valueFromJson,
  'google.protobuf.Any': anyFromJson,
};

function structFromJson(plan: MessagePlan, json: JsonValue, where: string): Message {
  const field = plan.byNumber.get(1);
  return field === undefined ? newMessage() : withNumbers(plan, { 1: fieldFromJson(field, json, where) });
}

function listFromJson(plan: MessagePlan, json: JsonValue, where: string): Message {
  const field = plan.byNumber.get(1);
  return field === undefined ? newMessage() : withNumbers(plan, { 1: fieldFromJson(field, json, where) });
}

function valueFromJson(plan: MessagePlan, json: JsonValue, where: string): Message {
  const nested = (number: number): Message => {
    const field = plan.byNumber.get(number);
    return field === undefined ? newMessage() : messageFromJson(field.message(), json, where);
  };
  if (json === null) return withNumbers(plan, { 1: 0 });
  if (typeof json === 'string') return withNumbers(plan, { 3: unicode(json, where) });
  if (typeof json === 'boolean') return withNumbers(plan, { 4: json });
  if ('number' in json) return withNumbers(plan, { 2: floating('double', json.number, false, where) });
  return withNumbers(plan, 'members' in json ? { 5: nested(5) } : { 6: nested(6) });
}

/** `{"@type": "type.googleapis.com/pkg.Name", …}`; a well-known type stands in a member `value`. */
function anyFromJson(plan: MessagePlan, json: JsonValue, where: string): Message {
  const { members } = objectOf(json, where);
  if (members.size === 0) return newMessage();
  const url = text(members.get('@type') ?? null, `${where}.@type`);
  const name = url.slice(url.lastIndexOf('/') + 1);
  const inner = url.includes('/') ? plan.lookup(name) : undefined;
  if (inner === undefined) {
    throw new PassbandError('INVALID_ARGUMENT', `${where}.@type: "${url.slice(0, 128)}" names no known message type`);
  }
  const rest = new Map([...members].filter(([key]) => key !== '@type'));
  let message: Message;
  if (isWellKnown(name)) {
    const only = rest.size === 1 ? rest.get('value') : undefined;
    if (only === undefined) throw invalid(where, `with "${name}" takes exactly the members "@type" and "value"`);
    message = messageFromJson(inner, only, `${where}.value`);
  } else {
    message = messageFromJson(inner, { members: rest }, where);
  }
  return withNumbers(plan, { 1: url, 2: encodeMessage(inner, message) });
}

/** Whether a message type has a JSON form of its own. */
export function isWellKnown(fullName: string): boolean {
  return Object.hasOwn(WELL_KNOWN, fullName);
}

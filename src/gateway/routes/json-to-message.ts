import { echoed } from './echoed.ts';
import type { JsonObject, JsonValue } from './json-text.ts';
import { type FieldValue, type Message, newMessage, type Scalar } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import { base64, enumByName, enumByNumber, floating, integer, invalid, scalarFromText, unicode } from './scalar.ts';
import { type Inner, READERS } from './well-known-from-json.ts';

const INNER: Inner = { message: messageFromJson, field: fieldFromJson, isSpecial: isWellKnown };

/**
 * A message from its JSON form (protobuf.dev/programming-guides/json). Unknown members are refused.
 *
 * @param anys how many google.protobuf.Any it lies in.
 */
export function messageFromJson(plan: MessagePlan, json: JsonValue, where = 'body', anys = 0): Message {
  const special = READERS.get(plan.fullName);
  if (special !== undefined) return special(plan, json, where, INNER, anys);
  const message = newMessage();
  mergeJson(plan, message, objectOf(json, where), where, anys);
  return message;
}

/** Sets the members of a JSON object on a message. A field that is given in both spellings is refused. */
function mergeJson(plan: MessagePlan, message: Message, json: JsonObject, where: string, anys: number): void {
  const seen = new Set<FieldPlan>();
  for (const [name, value] of json.members) {
    const field = plan.byName.get(name);
    const at = where === 'body' ? name : `${where}.${name}`;
    if (field === undefined) throw invalid(at, `${plan.fullName} has no such field`);
    if (seen.has(field)) throw invalid(at, `is given twice, as "${field.jsonName}" and "${field.name}"`);
    seen.add(field);
    // null leaves a field unset, except where null is a value of it.
    if (value === null && !takesNull(field)) continue;
    setField(plan, message, field, fieldFromJson(field, value, at, anys), at);
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
    const members = plan.oneofs.get(field.oneof) ?? [];
    const other = members.find((candidate) => candidate !== field && message[candidate.name] !== undefined);
    if (other !== undefined)
      throw invalid(where, `excludes "${other.jsonName}"; give one of the two (oneof ${field.oneof})`);
  }
  message[field.name] = value;
}

/** A field's value from its JSON form, map and repeated fields included. */
export function fieldFromJson(field: FieldPlan, json: JsonValue, where: string, anys = 0): FieldValue {
  if (field.mapKey !== undefined) {
    const keyField: FieldPlan = { ...field, kind: field.mapKey };
    const entries = new Map<string, Scalar | Message>();
    for (const [key, value] of objectOf(json, where).members) {
      const at = `${where}[${JSON.stringify(echoed(key))}]`;
      const mapKey = String(scalarFromText(keyField, key, at));
      if (entries.has(mapKey)) throw invalid(at, 'is given twice');
      entries.set(mapKey, elementFromJson(field, value, at, anys));
    }
    return entries;
  }
  if (field.repeated) {
    if (json === null || typeof json !== 'object' || !('array' in json)) throw invalid(where, 'must be an array');
    return json.array.map((element, index) => elementFromJson(field, element, `${where}[${index}]`, anys));
  }
  return elementFromJson(field, json, where, anys);
}

/** Whether JSON null is a value of a field and not its absence. */
export function takesNull(field: FieldPlan): boolean {
  if (field.repeated || field.mapKey !== undefined) return false;
  return field.kind === 'enum'
    ? field.enum?.fullName === 'google.protobuf.NullValue'
    : field.kind === 'message' && field.message().fullName === 'google.protobuf.Value';
}

function elementFromJson(field: FieldPlan, json: JsonValue, where: string, anys: number): Scalar | Message {
  if (field.kind === 'message') {
    if (json === null && field.message().fullName !== 'google.protobuf.Value') throw invalid(where, 'must not be null');
    return messageFromJson(field.message(), json, where, anys);
  }
  return scalarFromJson(field, json, where);
}

/** A single scalar from its JSON form. */
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
      if (number !== undefined && field.enum !== undefined) return enumByNumber(field.enum, number, where);
      if (typeof json === 'string' && field.enum !== undefined) return enumByName(field.enum, json, where);
      throw invalid(where, 'must be the name or number of an enum value');
    }
    case 'float':
    case 'double':
      if (number !== undefined) return floating(field.kind, number, false, where, field.range);
      if (typeof json === 'string') return floating(field.kind, json, true, where, field.range);
      throw invalid(where, field.range?.text ?? `must be a number of type ${field.kind}`);
    case 'message':
      throw invalid(where, 'must be an object');
    default: {
      const text = number ?? (typeof json === 'string' ? json : undefined);
      if (text !== undefined) return integer(field.kind, text, where, field.range);
      throw invalid(
        where,
        field.range?.text ?? `must be a whole number of type ${field.kind}, as a number or a string`,
      );
    }
  }
}

function objectOf(json: JsonValue, where: string): JsonObject {
  if (json !== null && typeof json === 'object' && 'members' in json) return json;
  throw invalid(where, 'must be an object');
}

/** Whether a message type has a JSON form of its own. */
export function isWellKnown(fullName: string): boolean {
  return READERS.has(fullName);
}

import { setField } from './json-to-message.ts';
import { type FieldValue, isDefault, type Message, newMessage } from './message.ts';
import { decodeMultiSegment, decodeSegment } from './path.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import type { BoundVariable } from './route.ts';
import { invalid } from './scalar.ts';
import { valueFromText } from './url-value.ts';

/** A value that the URL gives to a field, the request message's field first. */
export interface Assignment {
  readonly fields: readonly FieldPlan[];
  readonly value: FieldValue;
  /** How the caller called it, for error messages. */
  readonly where: string;
}

/** What a path gives to one variable of its template. */
export function pathAssignment(variable: BoundVariable, segments: readonly string[]): Assignment {
  const part = segments.slice(variable.start, variable.end === -1 ? undefined : variable.end);
  const text = variable.multiSegment ? decodeMultiSegment(part) : decodeSegment(part[0] ?? '');
  const where = variable.fieldPath.join('.');
  return { fields: variable.fields, value: valueFromText(variable.fields.at(-1), text, where), where };
}

/**
 * Sets a field of a message, making the messages that it lies in.
 *
 * @param twice whether a field that is set already is refused or overruled.
 * @throws PassbandError INVALID_ARGUMENT when it is refused, or another member of its oneof is set.
 */
export function assign(
  plan: MessagePlan,
  message: Message,
  { fields, value, where }: Assignment,
  twice: 'refuse' | 'overrule',
): void {
  let at = message;
  let atPlan = plan;
  for (const [index, field] of fields.entries()) {
    const present = at[field.name];
    if (index === fields.length - 1) {
      if (present !== undefined && twice === 'refuse') throw invalid(where, 'is given more than once');
      setField(atPlan, at, field, value, where);
      return;
    }
    const next = present === undefined ? newMessage() : (present as Message);
    if (present === undefined) setField(atPlan, at, field, next, where);
    at = next;
    atPlan = field.message();
  }
}

/**
 * A body may repeat what the path says; a body that says something else is refused, not silently overruled. A default
 * that its field cannot tell from "not set" says nothing.
 */
export function refuseOtherValues(message: Message, path: readonly Assignment[]): void {
  for (const { fields, value, where } of path) {
    let at: FieldValue | undefined = message;
    for (const field of fields) at = at === undefined ? undefined : (at as Message)[field.name];
    if (at === undefined || (fields.at(-1)?.presence === false && isDefault(at))) continue;
    if (!isSame(at, value)) throw invalid(where, 'is given in the path; the body says something else');
  }
}

/** Equality of what a path can hold: scalars, bytes, and messages of these. */
function isSame(a: FieldValue | undefined, b: FieldValue | undefined): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (typeof a !== 'object' || typeof b !== 'object') return Object.is(a, b);
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame((a as Message)[name], (b as Message)[name]));
}

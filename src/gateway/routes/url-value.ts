import { messageFromJson } from './json-to-message.ts';
import { type Message, newMessage, type Scalar } from './message.ts';
import type { FieldPlan } from './plan.ts';
import { scalarFromText } from './scalar.ts';

const WRAPPER = /^google\.protobuf\.(Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value$/;
const TEXT = /^google\.protobuf\.(Timestamp|Duration|FieldMask)$/;

/** Well-known messages whose JSON form is one text or number, so that a path segment or a parameter can hold them. */
export function isTextMessage(fullName: string): boolean {
  return TEXT.test(fullName) || WRAPPER.test(fullName);
}

/** A value from URL text; a well-known message takes the text of its JSON form. */
export function valueFromText(field: FieldPlan | undefined, text: string, where: string): Scalar | Message {
  if (field === undefined) throw new TypeError('a path variable without a field');
  if (field.kind !== 'message') return scalarFromText(field, text, where);
  const plan = field.message();
  const inner = WRAPPER.test(plan.fullName) ? plan.byNumber.get(1) : undefined;
  if (inner === undefined) return messageFromJson(plan, text, where);
  const wrapped = newMessage();
  wrapped[inner.name] = scalarFromText(inner, text, where);
  return wrapped;
}

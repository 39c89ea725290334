import type { MessagePlan, ScalarKind } from './plan.ts';
import { scalarDefault, scalarText } from './scalar-to-json.ts';
import { walkFields } from './wire.ts';

/**
 * Compiles a reader for one scalar field as text (64-bit integers in full). It walks the wire and skips all else
 * without decoding it.
 */
export function fieldText(plan: MessagePlan, fieldName: string): (bytes: Uint8Array) => string {
  const field = plan.byName.get(fieldName);
  if (field === undefined || field.kind === 'message' || field.repeated || field.mapKey !== undefined)
    throw new TypeError(`${plan.fullName} has no scalar ${fieldName}`);
  const kind: ScalarKind = field.kind;
  const empty = bare(scalarDefault(kind, field.enum));
  const only: MessagePlan = { ...plan, byNumber: new Map([[field.number, field]]) };
  return (bytes) => {
    let text = empty;
    walkFields(only, bytes, (_, reader) => {
      const found = scalarText(reader, kind, field);
      if (found !== undefined) text = bare(found);
    });
    return text;
  };
}

function bare(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

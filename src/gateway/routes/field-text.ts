import type { FieldPlan, MessagePlan, ScalarKind } from './plan.ts';
import { scalarDefault, scalarText } from './scalar-to-json.ts';
import { walkFields } from './wire.ts';

/**
 * Compiles a reader for some scalar fields as texts (64-bit integers in full), in the order of their names. It walks the
 * wire once and skips all else without decoding it.
 */
export function fieldTexts(plan: MessagePlan, fieldNames: readonly string[]): (bytes: Uint8Array) => string[] {
  const fields = fieldNames.map((name) => scalarField(plan, name));
  const empty = fields.map(({ kind, field }) => bare(scalarDefault(kind, field.enum)));
  const only: MessagePlan = { ...plan, byNumber: new Map(fields.map(({ field }) => [field.number, field])) };
  return (bytes) => {
    const texts = [...empty];
    walkFields(only, bytes, (seen, reader) => {
      const at = fields.findIndex(({ field }) => field === seen);
      const kind = fields[at]?.kind;
      const found = kind === undefined ? undefined : scalarText(reader, kind, seen);
      if (found !== undefined) texts[at] = bare(found);
    });
    return texts;
  };
}

function scalarField(plan: MessagePlan, name: string): { readonly kind: ScalarKind; readonly field: FieldPlan } {
  const field = plan.byName.get(name);
  if (field === undefined || field.kind === 'message' || field.repeated || field.mapKey !== undefined)
    throw new TypeError(`${plan.fullName} has no scalar ${name}`);
  return { kind: field.kind, field };
}

function bare(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

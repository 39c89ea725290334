import type { FieldPlan, MessagePlan } from './plan.ts';
import { scalarDefault } from './scalar-to-json.ts';
import { formatDuration, formatFieldMask, formatTimestamp, type SecondsAndNanos, unprintable } from './well-known.ts';
import type { Slot } from './wire-slots.ts';

/** How a printer of this file has what lies inside its message printed. */
export interface Inner {
  value(field: FieldPlan, slot: Exclude<Slot, undefined>): string;
  any(url: string, bytes: Uint8Array): string;
}

/** Prints a message whose JSON form is not that of an ordinary one. */
export type Printer = (plan: MessagePlan, slots: readonly Slot[], inner: Inner) => string;

/** The text of a scalar, with the quotes that JSON puts around strings and 64-bit integers taken off. */
function bare(slot: Slot): string {
  if (typeof slot !== 'string') return '';
  return slot.startsWith('"') ? (JSON.parse(slot) as string) : slot;
}

/** Both Timestamp and Duration have seconds first and nanos second. */
function secondsAndNanos([seconds, nanos]: readonly Slot[]): SecondsAndNanos {
  return { seconds: BigInt(bare(seconds)), nanos: Number(bare(nanos)) };
}

const onlyField: Printer = ({ fields: [field] }, [slot], inner) => {
  if (field === undefined) return 'null';
  if (slot !== undefined) return inner.value(field, slot);
  if (field.mapKey !== undefined) return '{}';
  return field.repeated ? '[]' : scalarDefault(field.kind, field.enum);
};

const value: Printer = (plan, slots, inner) => {
  const field = plan.fields.find(({ index }) => slots[index] !== undefined);
  const slot = field && slots[field.index];
  if (field === undefined || slot === undefined) throw unprintable('google.protobuf.Value is empty');
  // NaN and the infinities are strings elsewhere; here that would change the kind of the value.
  if (field.kind === 'double' && bare(slot) !== slot) throw unprintable('google.protobuf.Value holds no finite number');
  return inner.value(field, slot);
};

const any: Printer = (_, [url, bytes], inner) => {
  if (url === undefined && bytes === undefined) return '{}';
  return inner.any(bare(url), bytes instanceof Uint8Array ? bytes : new Uint8Array());
};

/** By full name. google.protobuf.Empty is missing: its form is an ordinary one. */
export const PRINTERS: ReadonlyMap<string, Printer> = new Map([
  ['google.protobuf.Timestamp', (_, slots) => JSON.stringify(formatTimestamp(secondsAndNanos(slots)))],
  ['google.protobuf.Duration', (_, slots) => JSON.stringify(formatDuration(secondsAndNanos(slots)))],
  [
    'google.protobuf.FieldMask',
    (_, [paths]) =>
      JSON.stringify(formatFieldMask(Array.isArray(paths) ? paths.map((path) => bare(path as string)) : [])),
  ],
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
] satisfies [string, Printer][]);

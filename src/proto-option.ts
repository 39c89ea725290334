import type protobuf from 'protobufjs';
import { UsageError } from './errors.ts';
import { isRecord } from './is-record.ts';

/** What may have options of ours. */
type Owner = protobuf.Method | protobuf.Field;

/**
 * An option of a method or field as written. Its name may be relative to the scope it stands in, like every name in a proto
 * may, and its fields may be set by several statements.
 *
 * @throws UsageError when it is given more than once.
 */
export function protoOption(owner: Owner, name: string): unknown {
  const entries = (owner.parsedOptions ?? []) as readonly Record<string, unknown>[];
  const given = entries.flatMap((entry) =>
    Object.entries(entry).flatMap(([key, value]) => (isNamed(owner, key, name) ? [value] : [])),
  );
  if (given.length < 2) return given[0];
  const records = given.filter(isRecord);
  const fields = new Map(records.flatMap((record) => Object.entries(record)));
  const count = records.reduce((sum, record) => sum + Object.keys(record).length, 0);
  if (records.length < given.length || fields.size < count) {
    throw new UsageError(`${owner.parent?.fullName.slice(1)}/${owner.name}: option ${name} is given more than once`);
  }
  return Object.fromEntries(fields);
}

/** A repeated option comes as nothing, one element or an array; always an array here. */
export function optionList(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function isNamed(owner: Owner, written: string, name: string): boolean {
  if (written === name) return true;
  if (!written.startsWith('(') || !name.startsWith('(')) return false;
  const [given, wanted] = [written.slice(1, -1), name.slice(1, -1)];
  if (given.startsWith('.')) return given.slice(1) === wanted;
  if (!wanted.endsWith(`.${given}`)) return false;
  const scope = wanted.slice(0, -given.length - 1);
  return `${owner.parent?.fullName.slice(1)}.`.startsWith(`${scope}.`);
}

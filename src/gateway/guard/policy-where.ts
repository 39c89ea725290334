import { matches, patternFault } from './pattern.ts';
import type { FieldCondition, FieldTest, KnownField, KnownMethods } from './policy.ts';
import type { YamlValue } from './policy-file.ts';

/** Field names of a proto joined by dots. */
const FIELD_PATH = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/** What a field's kind is called in a message. */
const KIND_NAMES: Readonly<Record<KnownField['kind'], string>> = {
  text: 'a text',
  number: 'a number',
  bool: 'true or false',
  enum: 'an enum',
  bytes: 'bytes',
};

/** The mapping under `where`, for the methods that its entry matches. */
export function parseWhere(where: YamlValue, methods: readonly string[], known: KnownMethods): FieldCondition[] {
  return where.entries().map(([key, value]) => {
    const field = fieldOf(key, methods, known);
    const test = value.isMapping ? parseBounds(key, value, field) : parseChoice(key, value, field);
    return { path: key.text().split('.'), test, absent: absentValue(field) };
  });
}

/** The field that is meant: it must be there, and be the same kind of thing, in every method of the entry. */
function fieldOf(key: YamlValue, methods: readonly string[], known: KnownMethods): KnownField {
  const fieldPath = key.text();
  if (!FIELD_PATH.test(fieldPath)) key.fail(`"${fieldPath}" is not a field; write proto field names joined by dots`);
  let first: KnownField | undefined;
  let presence = false;
  for (const method of methods) {
    const field = known.field(method, fieldPath);
    if (field === undefined) {
      return key.fail(
        `${method} has no field "${fieldPath}" with a value of its own; correct it (of messages name their fields, of maps key and value), or move that method to an entry without it`,
      );
    }
    first ??= field;
    presence ||= field.presence;
    if (field.kind !== first.kind || !sameValues(field.values, first.values)) {
      key.fail(`"${fieldPath}" of ${method} is another kind of field than of ${methods[0]}; give each its own entry`);
    }
  }
  return { ...(first ?? { kind: 'text' }), presence };
}

function sameValues(a: KnownField['values'], b: KnownField['values']): boolean {
  if (a === undefined || b === undefined || a === b) return a === b;
  return a.size === b.size && [...a].every(([name, number]) => b.get(name) === number);
}

/** proto3 leaves a default out on the wire: a field without presence that is not there has it. */
function absentValue({ kind, presence }: KnownField): string | undefined {
  if (presence || kind === 'text' || kind === 'bytes') return undefined;
  return kind === 'bool' ? 'false' : '0';
}

function parseChoice(key: YamlValue, value: YamlValue, field: KnownField): FieldTest {
  const patterns = value.items().map((item) => {
    const pattern = item.text();
    const fault = patternFault(pattern, false);
    if (fault !== undefined) item.fail(`"${pattern}" ${fault}`);
    if (field.kind === 'bool' && !['true', 'false'].some((text) => matches(pattern, text))) {
      item.fail(`"${pattern}" is neither, and "${key.text()}" is true or false; write "true" or "false"`);
    }
    if (field.kind === 'bytes' && !/^[0-9a-f*]+$/.test(pattern)) {
      item.fail(`"${pattern}" matches no bytes; write their hexadecimal digits in lower case`);
    }
    if (field.kind === 'enum' && enumValues(field, pattern).length === 0) {
      const names = [...(field.values?.keys() ?? [])].join(', ');
      item.fail(`"${pattern}" is no value of "${key.text()}"; there are ${names}`);
    }
    return pattern;
  });
  if (field.kind !== 'enum') return { kind: 'patterns', patterns };
  return { kind: 'values', values: [...new Set(patterns.flatMap((pattern) => enumValues(field, pattern)))] };
}

/** Numbers and all names of the values whose name, or number in full, a pattern matches. */
function enumValues({ values = new Map() }: KnownField, pattern: string): string[] {
  const hits = new Set([...values].flatMap(([name, number]) => (matches(pattern, name) ? [number] : [])));
  if (/^-?\d+$/.test(pattern)) hits.add(Number(pattern));
  return [...hits].flatMap((number) => [
    String(number),
    ...[...values].flatMap(([name, other]) => (other === number ? [name] : [])),
  ]);
}

function parseBounds(key: YamlValue, value: YamlValue, field: KnownField): FieldTest {
  if (field.kind !== 'number') {
    const name = key.text();
    value.fail(`"${name}" is ${KIND_NAMES[field.kind]}; write a list of patterns, {min, max} is for numbers`);
  }
  const members = value.members([], ['min', 'max']);
  const min = members.min?.number() ?? Number.NEGATIVE_INFINITY;
  const max = members.max?.number() ?? Number.POSITIVE_INFINITY;
  if (min > max) members.min?.fail(`min ${min} is above max ${max}; exchange them`);
  return { kind: 'bounds', min, max };
}

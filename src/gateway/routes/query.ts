import { PassbandError } from '../../errors.ts';
import type { Assignment } from './assignment.ts';
import { echoed } from './echoed.ts';
import type { Scalar } from './message.ts';
import type { FieldPlan, MessagePlan } from './plan.ts';
import type { Route } from './route.ts';
import { invalid } from './scalar.ts';
import { isTextMessage, valueFromText } from './url-value.ts';

/** Parameters in one query; more are a mistake or an attack. */
const MAX_PARAMETERS = 256;
/** Fields that a parameter's name may go through; no hand-written one comes near. */
const MAX_FIELD_DEPTH = 32;

/** A query as names and values, in order. `+` is a space, as in application/x-www-form-urlencoded. */
export function parseQuery(query: string): readonly (readonly [string, string])[] {
  if (query === '') return [];
  const parts = query.split('&').filter((part) => part !== '');
  if (parts.length > MAX_PARAMETERS) {
    throw new PassbandError('INVALID_ARGUMENT', `the query has more than ${MAX_PARAMETERS} parameters`);
  }
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text.replaceAll('+', ' '));
    } catch (cause) {
      throw new PassbandError('INVALID_ARGUMENT', 'the query has a malformed percent-encoding or is not UTF-8', {
        cause,
      });
    }
  };
  return parts.map((part) => {
    const mark = part.indexOf('=');
    return mark === -1 ? [decode(part), ''] : [decode(part.slice(0, mark)), decode(part.slice(mark + 1))];
  });
}

/** What a query gives to the request message, and what it says to the gateway. */
export interface QueryBinding {
  readonly assignments: readonly Assignment[];
  readonly controls: ReadonlyMap<string, string>;
}

/**
 * Binds query parameters to the fields that path and body leave: nested by dots, repeated by repetition, names in
 * either spelling. A parameter that fits no such field is refused.
 */
export function queryAssignments(
  route: Route,
  parameters: readonly (readonly [string, string])[],
  controlNames: ReadonlySet<string>,
): QueryBinding {
  const controls = new Map<string, string>();
  const byField = new Map<string, { fields: readonly FieldPlan[]; values: (readonly [string, string])[] }>();
  for (const [name, value] of parameters) {
    // Where the body has every field, a parameter cannot mean one.
    const isControl = controlNames.has(name) && (route.body === '*' || !route.request.byName.has(name));
    if (isControl) {
      if (controls.has(name)) throw invalid(name, 'is given more than once');
      controls.set(name, value);
      continue;
    }
    const fields = resolveName(route, name);
    const key = fields.map((field) => field.name).join('.');
    const entry = byField.get(key) ?? { fields, values: [] };
    entry.values.push([name, value]);
    byField.set(key, entry);
  }
  const assignments = [...byField.values()].map(({ fields, values }): Assignment => {
    const field = fields.at(-1);
    const [first] = values;
    if (field === undefined || first === undefined) throw new TypeError('a parameter without a field');
    const [where] = first;
    if (field.repeated) {
      return { fields, where, value: values.map(([name, text]): Scalar => element(field, text, name)) };
    }
    if (values.length > 1) throw invalid(where, 'is given more than once');
    return { fields, where, value: valueFromText(field, first[1], where) };
  });
  return { assignments, controls };
}

function element(field: FieldPlan, text: string, where: string): Scalar {
  return valueFromText(field, text, where) as Scalar;
}

function resolveName(route: Route, name: string): readonly FieldPlan[] {
  const unknown = (): PassbandError => invalid(echoed(name), 'is no query parameter of this call');
  if (route.body === '*') throw unknown();
  const parts = name.split('.');
  if (parts.length > MAX_FIELD_DEPTH) throw unknown();
  const fields: FieldPlan[] = [];
  let plan: MessagePlan | undefined = route.request;
  for (const part of parts) {
    const field: FieldPlan | undefined = plan?.byName.get(part);
    if (field === undefined) throw unknown();
    fields.push(field);
    const inner: boolean = field.kind === 'message' && !field.repeated && field.mapKey === undefined;
    plan = inner ? field.message() : undefined;
  }
  const last = fields.at(-1);
  if (last?.mapKey !== undefined) throw invalid(name, 'is a map; a query cannot hold one');
  if (last?.kind === 'message' && !isTextMessage(last.message().fullName)) {
    throw invalid(
      name,
      last.repeated ? 'is a list of messages; a query cannot hold one' : 'is a message; name one of its fields',
    );
  }
  if (fields[0] === route.body) throw unknown();
  if (route.variables.some((variable) => overlap(variable.fields, fields))) {
    throw invalid(name, 'is given in the path already');
  }
  return fields;
}

/** Whether two field paths are the same, or one leads into the other. */
function overlap(a: readonly FieldPlan[], b: readonly FieldPlan[]): boolean {
  const shorter = a.length < b.length ? a : b;
  return shorter.every((_, index) => a[index] === b[index]);
}

import type { MethodDescriptor } from '../../descriptors.ts';
import { UsageError } from '../../errors.ts';
import type { HttpBinding } from '../../http-bindings.ts';
import { type FieldPlan, type MessagePlan, planOf } from './plan.ts';
import { parseTemplate, type Template, type Variable } from './template.ts';
import { isTextMessage } from './url-value.ts';

/** A method is a token (RFC 9110, section 9.1); `*` stands for any. */
const HTTP_METHOD = /^(\*|[A-Za-z0-9!#$%&'+.^_`|~-]+)$/;

/** A path variable together with the request fields that it goes through. */
export interface BoundVariable extends Variable {
  /** From the request message down; the last one takes the value. */
  readonly fields: readonly FieldPlan[];
}

/** One binding of one RPC: everything that is known of it before a request comes. */
export interface Route {
  readonly method: MethodDescriptor;
  /** HTTP method; `*` of a custom binding means any. */
  readonly httpMethod: string;
  readonly template: Template;
  readonly variables: readonly BoundVariable[];
  readonly request: MessagePlan;
  readonly response: MessagePlan;
  /** `*`, a field of the request, or undefined for no body. */
  readonly body: '*' | FieldPlan | undefined;
  /** The response field that is the HTTP body, or undefined for the whole message. */
  readonly responseBody: FieldPlan | undefined;
}

/**
 * Checks one binding of a method against its messages.
 *
 * @throws UsageError that names the method, the binding and what is wrong with it.
 */
export function compileRoute(method: MethodDescriptor, binding: HttpBinding): Route {
  const fail = (why: string): never => {
    throw new UsageError(`${method.name}: ${binding.method} ${binding.path}: ${why}`);
  };
  const request = planOf(method.request);
  const response = planOf(method.response);
  let template: Template;
  try {
    template = parseTemplate(binding.path);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
  const variables = template.variables.map((variable) => ({
    ...variable,
    fields: variableFields(request, variable.fieldPath, fail),
  }));
  refuseOverlap(variables, fail);
  const named = (plan: MessagePlan, name: string): FieldPlan => {
    const field = plan.fields.find((candidate) => candidate.name === name);
    return field ?? fail(`${plan.fullName} has no field "${name}"`);
  };
  const body = binding.body === '' ? undefined : binding.body === '*' ? '*' : named(request, binding.body);
  // A field inside the body may well come from the path: patch "/{book.name=…}", body "book".
  if (typeof body === 'object' && variables.some(({ fields }) => fields.length === 1 && fields[0] === body)) {
    fail(`field "${body.name}" is both body and path variable`);
  }
  if (!HTTP_METHOD.test(binding.method)) fail(`the kind of the custom method must be an HTTP method or "*"`);
  return {
    method,
    httpMethod: binding.method,
    template,
    variables,
    request,
    response,
    body,
    responseBody: binding.responseBody === '' ? undefined : named(response, binding.responseBody),
  };
}

type Fail = (why: string) => never;

function variableFields(request: MessagePlan, fieldPath: readonly string[], fail: Fail): FieldPlan[] {
  const fields: FieldPlan[] = [];
  let at: MessagePlan = request;
  for (const [index, name] of fieldPath.entries()) {
    const field = at.fields.find((candidate) => candidate.name === name);
    if (field === undefined) return fail(`${at.fullName} has no field "${name}"`);
    if (field.repeated || field.mapKey !== undefined) return fail(`field "${name}" is repeated; a path has one value`);
    const last = index === fieldPath.length - 1;
    if (field.kind === 'message' && last && !isTextMessage(field.message().fullName)) {
      return fail(`field "${name}" is a message; name one of its fields`);
    }
    if (field.kind !== 'message' && !last) return fail(`field "${name}" is no message`);
    fields.push(field);
    if (!last) at = field.message();
  }
  return fields;
}

/** Two variables that cannot both be set would make a route that no request can use. */
function refuseOverlap(variables: readonly BoundVariable[], fail: Fail): void {
  for (const [index, a] of variables.entries()) {
    for (const b of variables.slice(index + 1)) {
      const fork = a.fields.findIndex((field, depth) => field !== b.fields[depth]);
      const [left, right] = [a.fields[fork], b.fields[fork]];
      if (left === undefined || right === undefined) {
        fail(`fields "${a.fieldPath.join('.')}" and "${b.fieldPath.join('.')}" are one inside the other`);
      } else if (left.oneof !== undefined && left.oneof === right.oneof) {
        fail(`fields "${left.name}" and "${right.name}" exclude each other (oneof ${left.oneof})`);
      }
    }
  }
}

import type { Descriptors, MethodDescriptor } from '../../descriptors.ts';
import { UsageError } from '../../errors.ts';
import type { HttpBinding } from '../../method-options.ts';
import { decodeSegment } from './path.ts';
import { type FieldPlan, type MessagePlan, planOf } from './plan.ts';
import { parseTemplate, type Segment, type Template, type Variable } from './template.ts';
import { isTextMessage } from './url-value.ts';

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

/** What a path leads to. */
export type Match =
  | { readonly kind: 'route'; readonly route: Route; readonly segments: readonly string[] }
  /** The path exists, but not with this method. */
  | { readonly kind: 'method'; readonly allow: readonly string[] }
  | { readonly kind: 'none' };

/** Finds the route of a request. Frozen: made once at start. */
export interface RouteTable {
  /** In the order of services and methods, bindings as the proto lists them. */
  readonly routes: readonly Route[];
  /** `segments` as {@link parseRequestTarget} gives them: still percent-encoded. */
  match(httpMethod: string, segments: readonly string[]): Match;
}

/** A node of the tree of segments; routes hang where their templates end, by verb and HTTP method. */
interface Node {
  readonly literals: Map<string, Node>;
  one: Node | undefined;
  rest: Node | undefined;
  readonly ends: Map<string | undefined, Map<string, Route>>;
}

function newNode(): Node {
  return { literals: new Map(), one: undefined, rest: undefined, ends: new Map() };
}

/**
 * Compiles all HTTP bindings of a set of descriptors.
 *
 * The most specific route wins: segment by segment a literal before `*` before the end of `**`, then a route with the
 * verb before one that would take the colon as text. That order is total but for templates that are the same; those
 * are refused.
 *
 * @throws UsageError for a bad template or a reference to a field that is not there, and for two bindings that tie.
 */
export function buildRouteTable(descriptors: Descriptors): RouteTable {
  const root = newNode();
  const routes: Route[] = [];
  for (const service of descriptors.services) {
    for (const method of service.methods) {
      for (const binding of method.bindings) {
        const route = compileRoute(method, binding);
        insert(root, route);
        routes.push(route);
      }
    }
  }
  return Object.freeze({
    routes,
    match: (httpMethod: string, segments: readonly string[]) => match(root, httpMethod, segments),
  });
}

function compileRoute(method: MethodDescriptor, binding: HttpBinding): Route {
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
  const variables = template.variables.map((variable) => {
    const fields: FieldPlan[] = [];
    let at: MessagePlan = request;
    for (const [index, name] of variable.fieldPath.entries()) {
      const field = at.fields.find((candidate) => candidate.name === name);
      if (field === undefined) return fail(`${at.fullName} has no field "${name}"`);
      if (field.repeated || field.mapKey !== undefined)
        return fail(`field "${name}" is repeated; a path has one value`);
      const last = index === variable.fieldPath.length - 1;
      if (field.kind === 'message' && last && !isTextMessage(field.message().fullName)) {
        return fail(`field "${name}" is a message; name one of its fields`);
      }
      if (field.kind !== 'message' && !last) return fail(`field "${name}" is no message`);
      fields.push(field);
      if (!last) at = field.message();
    }
    return { ...variable, fields };
  });
  const named = (plan: MessagePlan, name: string): FieldPlan => {
    const field = plan.fields.find((candidate) => candidate.name === name);
    return field ?? fail(`${plan.fullName} has no field "${name}"`);
  };
  const body = binding.body === '' ? undefined : binding.body === '*' ? '*' : named(request, binding.body);
  if (typeof body === 'object' && variables.some((variable) => variable.fields[0] === body)) {
    fail(`field "${body.name}" is both body and path variable`);
  }
  if (binding.method === '') fail('the custom method has no kind');
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

function child(node: Node, segment: Segment): Node {
  if (segment.kind === 'one') {
    node.one ??= newNode();
    return node.one;
  }
  if (segment.kind === 'rest') {
    node.rest ??= newNode();
    return node.rest;
  }
  const next = node.literals.get(segment.text) ?? newNode();
  node.literals.set(segment.text, next);
  return next;
}

function insert(root: Node, route: Route): void {
  const node = route.template.segments.reduce(child, root);
  const verb = route.template.verb;
  const byMethod = node.ends.get(verb) ?? new Map<string, Route>();
  node.ends.set(verb, byMethod);
  const other = byMethod.get(route.httpMethod);
  if (other !== undefined) {
    throw new UsageError(
      `${other.method.name} and ${route.method.name} both bind ${route.httpMethod} and match the same requests: ` +
        `"${other.template.text}" and "${route.template.text}"`,
    );
  }
  byMethod.set(route.httpMethod, route);
}

function match(root: Node, httpMethod: string, raw: readonly string[]): Match {
  const allow = new Set<string>();
  const texts = raw.map(decodeSegment);
  const last = raw.at(-1) ?? '';
  // A colon that came percent-encoded is text and never begins a verb; without a head there is no segment to match.
  const colon = last.lastIndexOf(':');
  const hasVerb = colon > 0;
  const head = hasVerb ? decodeSegment(last.slice(0, colon)) : '';
  const verb = hasVerb ? decodeSegment(last.slice(colon + 1)) : undefined;

  const ending = (node: Node | undefined, withVerb: boolean): Found | undefined => {
    const route = node && end(node, withVerb ? verb : undefined, httpMethod, allow);
    return route && { route, withVerb };
  };
  const search = (node: Node, at: number, withVerb: boolean): Found | undefined => {
    if (at === raw.length) return ending(node, withVerb) ?? ending(node.rest, withVerb);
    const splits = hasVerb && at === raw.length - 1 ? [true, false] : [false];
    for (const split of splits) {
      const literal = node.literals.get(split ? head : (texts[at] ?? ''));
      const found = literal && search(literal, at + 1, split);
      if (found !== undefined) return found;
    }
    for (const split of splits) {
      const found = node.one && search(node.one, at + 1, split);
      if (found !== undefined) return found;
    }
    return (hasVerb ? ending(node.rest, true) : undefined) ?? ending(node.rest, false);
  };

  const found = search(root, 0, false);
  if (found !== undefined) {
    const segments = found.withVerb ? [...raw.slice(0, -1), last.slice(0, colon)] : raw;
    return { kind: 'route', route: found.route, segments };
  }
  return allow.size > 0 ? { kind: 'method', allow: [...allow].sort() } : { kind: 'none' };
}

/** A route, and whether it took the text after the last colon as its verb. */
interface Found {
  readonly route: Route;
  readonly withVerb: boolean;
}

function end(node: Node, verb: string | undefined, httpMethod: string, allow: Set<string>): Route | undefined {
  const byMethod = node.ends.get(verb);
  if (byMethod === undefined) return undefined;
  const found = byMethod.get(httpMethod) ?? byMethod.get('*');
  if (found === undefined) for (const method of byMethod.keys()) allow.add(method);
  return found;
}

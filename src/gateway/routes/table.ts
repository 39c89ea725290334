import type { Descriptors } from '../../descriptors.ts';
import { UsageError } from '../../errors.ts';
import { decodeSegment } from './path.ts';
import { compileRoute, type Route } from './route.ts';
import type { Segment } from './template.ts';

export type { BoundVariable, Route } from './route.ts';

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
 * verb before one that would take the colon as text, then a method that is named before `custom` with the kind `*`.
 * That order is total but for templates and methods that are the same; those are refused.
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
  // A colon that came percent-encoded is text and never begins a verb.
  const colon = last.lastIndexOf(':');
  const head = colon === -1 ? '' : decodeSegment(last.slice(0, colon));
  const verb = colon === -1 ? undefined : decodeSegment(last.slice(colon + 1));

  const ending = (node: Node | undefined, withVerb: boolean): Found | undefined => {
    const route = node && end(node, withVerb ? verb : undefined, httpMethod, allow);
    return route && { route, withVerb };
  };
  const search = (node: Node, at: number, withVerb: boolean): Found | undefined => {
    if (at === raw.length) return ending(node, withVerb) ?? ending(node.rest, withVerb);
    // Without a head there is no segment left for a template to match.
    const splits = head !== '' && at === raw.length - 1 ? [true, false] : [false];
    for (const split of splits) {
      const literal = node.literals.get(split ? head : (texts[at] ?? ''));
      const found = literal && search(literal, at + 1, split);
      if (found !== undefined) return found;
    }
    for (const split of splits) {
      const found = node.one && search(node.one, at + 1, split);
      if (found !== undefined) return found;
    }
    // "/:verb" is "/**:verb" with no segment at all; anywhere else it would have an empty one.
    const verbAlone = head === '' && raw.length === 1;
    return (
      (verb !== undefined && (head !== '' || verbAlone) ? ending(node.rest, true) : undefined) ??
      ending(node.rest, false)
    );
  };

  const found = search(root, 0, false);
  if (found !== undefined) return { kind: 'route', route: found.route, segments: withoutVerb(found, raw, colon) };
  return allow.size > 0 ? { kind: 'method', allow: [...allow].sort() } : { kind: 'none' };
}

function withoutVerb({ withVerb }: Found, raw: readonly string[], colon: number): readonly string[] {
  if (!withVerb) return raw;
  const before = raw.slice(0, -1);
  return colon === 0 ? before : [...before, (raw.at(-1) ?? '').slice(0, colon)];
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

import type { MethodDescriptor } from '../descriptors.ts';
import type { Route, RouteTable } from '../gateway/routes/table.ts';
import { description } from './comment.ts';
import { OPENAPI_METHODS, type OpenApiMethod, type Operation, type PathItem, type Tag } from './model.ts';
import { operationOf } from './operation.ts';
import type { SchemaBook } from './schemas.ts';
import { renamed, type UrlPath, urlPath } from './url-path.ts';

/** The HTTP methods that a binding of any method (`custom`, kind `*`) is listed under. */
const ANY_METHOD = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'] as const;

/** An operation and where it stands. */
interface Placed {
  readonly route: Route;
  /** As HTTP has it: `get` of a custom binding is not GET. */
  readonly method: string;
  readonly path: UrlPath;
}

/** What the routes of a table become. */
export interface RoutePaths {
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly tags: readonly Tag[];
}

/**
 * The path items of a route table. Every route has at least one operation and none displaces another: two templates
 * that OpenAPI cannot tell apart share a path item, and where they have the method in common too, the one with `**` is
 * written with more segments.
 */
export function routePaths(
  book: SchemaBook,
  routes: RouteTable['routes'],
  comments: ReadonlyMap<string, string>,
  reservedTag: string,
): RoutePaths {
  const placed = place(routes);
  const ids = operationIds(placed);
  const tags = tagNames(routes, reservedTag);
  const items = new Map<string, Map<string, Operation>>();
  for (const [index, { route, method, path }] of placed.entries()) {
    const item = items.get(path.text) ?? new Map<string, Operation>();
    items.set(path.text, item);
    const names = { operationId: ids[index] ?? '', tag: tags.get(route.method.service) ?? '' };
    item.set(method, operationOf(book, route, path, names));
  }
  return {
    paths: Object.fromEntries([...items].map(([text, item]) => [text, pathItem(item)])),
    tags: [...tags].map(([service, name]) => {
      return { name, description: description(comments.get(service)) ?? `gRPC service \`${service}\`.` };
    }),
  };
}

function pathItem(operations: ReadonlyMap<string, Operation>): PathItem {
  const known = OPENAPI_METHODS.flatMap((method): [OpenApiMethod, Operation][] => {
    const operation = operations.get(method.toUpperCase());
    return operation === undefined ? [] : [[method, operation]];
  });
  const names: readonly string[] = OPENAPI_METHODS.map((method) => method.toUpperCase());
  const other = [...operations].filter(([method]) => !names.includes(method));
  return {
    ...Object.fromEntries(known),
    ...(other.length > 0 ? { 'x-additionalOperations': Object.fromEntries(other) } : {}),
  };
}

/** Finds a place for every route, in the order of the routes. */
function place(routes: readonly Route[]): Placed[] {
  const firstOfShape = new Map<string, UrlPath>();
  const takenBy = new Map<string, Route>();
  const byRoute = new Map<Route, Placed[]>();
  const endless = (route: Route): boolean => route.template.segments.at(-1)?.kind === 'rest';
  // Only templates that end with `**` are ever written longer: without it, one shape means the same segments.
  const put = (route: Route, method: string): boolean => {
    for (let extraSegments = 0; ; extraSegments++) {
      const path = urlPath(route, extraSegments);
      const key = `${method} ${path.shape}`;
      const other = takenBy.get(key);
      if (other !== undefined && sameSegments(route, other)) return false;
      if (other !== undefined && endless(route)) continue;
      if (other !== undefined) throw new TypeError(`${other.template.text} and ${route.template.text} have one path`);
      const first = firstOfShape.get(path.shape) ?? path;
      firstOfShape.set(path.shape, first);
      takenBy.set(key, route);
      byRoute.set(route, [...(byRoute.get(route) ?? []), { route, method, path: renamed(path, first) }]);
      return true;
    }
  };
  // Those that win where two match come first: one segment before many, a method before any method.
  const any = (route: Route): number => Number(route.httpMethod === '*');
  const order = [...routes].sort((a, b) => Number(endless(a)) - Number(endless(b)) || any(a) - any(b));
  for (const route of order) {
    if (route.httpMethod !== '*') put(route, route.httpMethod);
    else if (ANY_METHOD.filter((method) => put(route, method)).length === 0) put(route, '*');
  }
  return routes.flatMap((route) => byRoute.get(route) ?? []);
}

function sameSegments(a: Route, b: Route): boolean {
  const outline = ({ template }: Route): string => JSON.stringify([template.segments, template.verb ?? null]);
  return outline(a) === outline(b);
}

/** Service_Method, Service_Method2, …: unique over the document. */
function operationIds(placed: readonly Placed[]): string[] {
  const baseOf = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name, service, shortName } of placed.map(({ route }): MethodDescriptor => route.method)) {
    if (baseOf.has(name)) continue;
    const short = `${service.slice(service.lastIndexOf('.') + 1)}_${shortName}`;
    // Two packages may have a service of one name.
    const base = taken.has(short) ? `${service.replaceAll('.', '_')}_${shortName}` : short;
    taken.add(base);
    baseOf.set(name, base);
  }
  const begun = new Set<string>();
  return placed.map(({ route }) => {
    const base = baseOf.get(route.method.name) ?? route.method.shortName;
    if (!begun.has(base)) {
      begun.add(base);
      return base;
    }
    let count = 2;
    while (taken.has(`${base}${count}`)) count++;
    taken.add(`${base}${count}`);
    return `${base}${count}`;
  });
}

/** A tag for each service: its short name, or its full one where the short one is not its own. */
function tagNames(routes: readonly Route[], reserved: string): ReadonlyMap<string, string> {
  const services = [...new Set(routes.map(({ method }) => method.service))];
  const short = (service: string): string => service.slice(service.lastIndexOf('.') + 1);
  return new Map(
    services.map((service) => {
      const name = short(service);
      const isOwn = name !== reserved && services.every((other) => other === service || short(other) !== name);
      return [service, isOwn ? name : service];
    }),
  );
}

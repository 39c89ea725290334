import type { BoundVariable, Route } from '../gateway/routes/table.ts';

/** One `{…}` of a path. */
export interface Slot {
  readonly name: string;
  /** The path variable that it belongs to; absent for a wildcard outside any variable. */
  readonly variable: BoundVariable | undefined;
  /** True when it is all of the variable, so that its type is the field's. */
  readonly whole: boolean;
  /** True for `**`: it may stand for more than one segment, or none. */
  readonly rest: boolean;
}

/** A path template as OpenAPI writes it. */
export interface UrlPath {
  readonly text: string;
  /** The text without the names of its slots: two paths of one shape are the same path to OpenAPI. */
  readonly shape: string;
  readonly slots: readonly Slot[];
}

type Piece = string | Slot;

/**
 * A route's template as an OpenAPI path. An OpenAPI parameter is one segment, so a variable of several is spelled out:
 * `/v1/{name=shelves/*}` becomes `/v1/shelves/{shelf}`; `**` at the end stays one parameter.
 *
 * @param extraSegments names this many segments before the `**`, for a template that would otherwise have the path of
 *   another one: requests with so few segments belong to that other.
 */
export function urlPath(route: Route, extraSegments = 0): UrlPath {
  const { segments, verb } = route.template;
  const used = new Set<string>();
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let count = 2; used.has(name); count++) name = `${wanted}_${count}`;
    used.add(name);
    return name;
  };
  const pieces: Piece[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'literal') {
      pieces.push(encode(segment.text));
      continue;
    }
    const variable = route.variables.find(({ start, end }) => start <= index && (end === -1 || index < end));
    const rest = segment.kind === 'rest';
    const span = variable === undefined ? 0 : (variable.end === -1 ? segments.length : variable.end) - variable.start;
    const extra = rest ? extraSegments : 0;
    const whole = span === 1 && extra === 0;
    const before = segments[index - 1];
    // Of a variable that spells its collections out, one element of the collection before.
    const element =
      before?.kind === 'literal' && index > (variable?.start ?? index) ? singular(before.text) : undefined;
    const name = span === 1 ? variable?.fieldPath.join('.') : element;
    for (let count = 0; count < extra; count++) {
      pieces.push({ name: unique('segment'), variable, whole: false, rest: false });
    }
    pieces.push({ name: unique(name ?? (rest ? 'rest' : 'segment')), variable, whole, rest });
  }
  const write = (nameOf: (slot: Slot) => string): string =>
    `/${pieces.map((piece) => (typeof piece === 'string' ? piece : `{${nameOf(piece)}}`)).join('/')}` +
    (verb === undefined ? '' : `:${encode(verb)}`);
  return {
    text: write((slot) => slot.name),
    shape: write(() => ''),
    slots: pieces.filter((piece) => typeof piece !== 'string'),
  };
}

/** The same path under the names that another path of its shape gave the slots first. */
export function renamed(path: UrlPath, first: UrlPath): UrlPath {
  return {
    ...first,
    slots: path.slots.map((slot, index) => ({ ...slot, name: first.slots[index]?.name ?? slot.name })),
  };
}

/** A literal as a URL has it: what would be syntax there or in an OpenAPI path is percent-encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/%(?:40|24|26|2B|2C|3B|3D)/g, decodeURIComponent);
}

/** The name of one element of a collection: shelves, shelf; addresses, address; stations, station. */
function singular(collection: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(collection)) return undefined;
  if (/ves$/.test(collection)) return collection.replace(/ves$/, 'f');
  if (/ies$/.test(collection)) return collection.replace(/ies$/, 'y');
  if (/(ss|x|ch|sh)es$/.test(collection)) return collection.replace(/es$/, '');
  return /[^s]s$/.test(collection) ? collection.slice(0, -1) : collection;
}

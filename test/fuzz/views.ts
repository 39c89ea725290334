import { type DescMessage, fromBinary, ScalarType } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { BoundRequest } from '../../src/gateway/routes/request.ts';
import { MAX_VIEWED_BYTES, MAX_VIEWED_ELEMENTS, type RequestView } from '../../src/request-view.ts';

/** Texts by place: a field's path, with the places of list elements and the keys of map entries in brackets. */
type Texts = Map<string, string>;

/** Whether a text says no more than that its field has its default. */
const saysNothing = (text: string): boolean => ['', '0', 'false'].includes(text);

/**
 * What a decision can read of the message that it is given; bytes by their digits. Of lists, maps and bytes that are longer
 * than what decisions look at, only that they are.
 */
function decidedOn(message: RequestView): Texts {
  const texts: Texts = new Map();
  const add = (path: string, value: unknown): void => {
    if (value === null || value === undefined) return;
    if (value instanceof Uint8Array) {
      texts.set(path, value.length > MAX_VIEWED_BYTES ? 'too long' : Buffer.from(value).toString('hex'));
    } else if (value instanceof Map) {
      if (value.size > MAX_VIEWED_ELEMENTS) texts.set(path, 'too many');
      else for (const [key, its] of value) add(`${path}[${JSON.stringify(String(key))}]`, its);
    } else if (Array.isArray(value)) {
      if (value.length > MAX_VIEWED_ELEMENTS) texts.set(path, 'too many');
      else for (const [place, element] of value.entries()) add(`${path}[${place}]`, element);
    } else if (typeof value === 'object') {
      // That it is there, though nothing be in it.
      texts.set(path, 'message');
      fields(`${path}.`, value as RequestView);
    } else texts.set(path, Object.is(value, -0) ? '-0' : String(value));
  };
  const fields = (prefix: string, of: RequestView): void => {
    for (const name of Object.keys(of)) add(prefix + name, of[name]);
  };
  fields('', message);
  return texts;
}

/** What protobuf-es has read, in the form in which decisions see a request; with what is always there, or without. */
function plain(message: ReflectMessage, withDefaults: boolean): RequestView {
  const into: Record<string, unknown> = Object.create(null);
  const inner = (value: unknown): unknown => (isReflectMessage(value) ? plain(value, withDefaults) : value);
  for (const field of message.fields) {
    const isAlwaysThere = 'presence' in field && field.presence === 2 && field.oneof === undefined;
    if (!message.isSet(field) && !(withDefaults && isAlwaysThere && field.fieldKind !== 'message')) continue;
    if (field.fieldKind === 'list') into[field.name] = Array.from(message.get(field), inner);
    else if (field.fieldKind === 'map') {
      into[field.name] = new Map(Array.from(message.get(field), ([key, value]) => [key, inner(value)]));
    } else into[field.name] = inner(message.get(field));
  }
  return into;
}

/** What a backend finds in the bytes that it is sent, by protobuf-es, which shares no code with ours. */
export interface Found {
  /** Fields that are set, or that have no way not to be. */
  readonly all: RequestView;
  /** Those of them that are set. */
  readonly said: RequestView;
}

/** Undefined where it cannot read them (such a backend does nothing), or where it is known to read them in a way of its own. */
export function readByProtobufEs(desc: DescMessage, { bytes }: BoundRequest): Found | undefined {
  try {
    const message = reflect(desc, fromBinary(desc, bytes));
    return { all: plain(message, true), said: plain(message, false) };
  } catch {
    return undefined;
  }
}

/** Fails where a decision saw something else in a request than its backend gets, in either direction. */
export function compareViews(desc: DescMessage, request: BoundRequest): void {
  const found = readByProtobufEs(desc, request);
  if (found === undefined) return;
  const seen = decidedOn(request.message);
  const all = decidedOn(found.all);
  for (const [path, text] of seen) {
    const there = all.get(path);
    if (there !== text) {
      throw new Error(`the decision sees ${path} = ${JSON.stringify(text)}, the backend gets ${JSON.stringify(there)}`);
    }
  }
  for (const [path, text] of decidedOn(found.said)) {
    if (!seen.has(path)) throw new Error(`the backend gets ${path} = ${JSON.stringify(text)}, the decision sees none`);
  }
}

/**
 * What @grpc/proto-loader has read, with its maps as maps and all names as their proto spells them (those of
 * google.protobuf.Value it brings along in another spelling).
 */
function shaped(desc: DescMessage, from: object): RequestView {
  const into: Record<string, unknown> = Object.create(null);
  for (const field of desc.fields) {
    const name = Object.hasOwn(from, field.name) ? field.name : field.localName;
    if (!Object.hasOwn(from, name)) continue;
    const value: unknown = Reflect.get(from, name);
    const inner = (one: unknown): unknown =>
      field.message !== undefined && typeof one === 'object' && one !== null ? shaped(field.message, one) : one;
    if (field.fieldKind === 'map') {
      const keyOf = LONGS.has(field.mapKey) ? integerOf : String;
      into[field.name] = new Map(Object.entries(Object(value)).map(([key, one]) => [keyOf(key), inner(one)]));
    } else into[field.name] = Array.isArray(value) ? value.map(inner) : inner(value);
  }
  return into;
}

const LONGS: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

/** A key of 64 bits, of which protobufjs makes a text of eight characters, one for each byte. */
function integerOf(bytes: string): string {
  return String(Buffer.from(bytes, 'latin1').readBigUInt64LE());
}

/** Reads as a gRPC server with @grpc/proto-loader does; undefined where it cannot. */
export function readByLoader(
  desc: DescMessage,
  decode: (bytes: Buffer) => object,
  bytes: Buffer,
): RequestView | undefined {
  try {
    return shaped(desc, decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * The same as compareViews through @grpc/proto-loader.
 *
 * @param there what it read, 64-bit integers as text, enums as numbers, without defaults.
 */
export function compareWithLoader(there: RequestView, message: RequestView): void {
  const read = decidedOn(there);
  const seen = decidedOn(message);
  for (const [path, text] of read) {
    if (seen.get(path) !== text) {
      const ours = JSON.stringify(seen.get(path));
      throw new Error(`proto-loader reads ${path} = ${JSON.stringify(text)}, the decision sees ${ours}`);
    }
  }
  for (const [path, text] of seen) {
    if (read.has(path) || saysNothing(text)) continue;
    throw new Error(`the decision sees ${path} = ${JSON.stringify(text)}, proto-loader reads none`);
  }
}

import { type DescMessage, fromBinary, type Message as ReceivedMessage } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { Message } from '../../src/gateway/routes/message.ts';
import type { BoundRequest } from '../../src/gateway/routes/request.ts';

/** Texts by field path, as a policy's `where` reads them; of a list the texts of its elements. */
type Texts = Map<string, string | readonly string[]>;

/** Whether a text says no more than that its field has its default. */
const saysNothing = (text: string): boolean => ['', '0', '-0', 'false'].includes(text);

/** Of a list, the texts that say more than a default: whether one that does not is there depends on who reads. */
function addElement(texts: Texts, path: string, text: string): void {
  if (saysNothing(text)) return;
  const before = texts.get(path) ?? [];
  texts.set(path, [...(typeof before === 'string' ? [before] : before), text]);
}

/** What a decision can read of the message that it is given; bytes by their digits, maps by their entries. */
function decidedOn(message: Message, prefix = '', texts: Texts = new Map(), inList = false): Texts {
  const add = (path: string, value: unknown, many: boolean): void => {
    if (value instanceof Map) {
      const entries = [...value].map(([key, its]) => ({ key, value: its }));
      for (const entry of entries) decidedOn(entry as unknown as Message, `${path}.`, texts, true);
    } else if (Array.isArray(value)) {
      for (const element of value) add(path, element, true);
    } else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
      decidedOn(value as Message, `${path}.`, texts, many);
    } else {
      const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
      if (many) addElement(texts, path, text);
      else texts.set(path, text);
    }
  };
  for (const name of Object.keys(message)) add(prefix + name, message[name], inList);
  return texts;
}

/** What a backend finds in the bytes that it is sent, by protobuf-es, which shares no code with ours. */
interface Found {
  /** Fields that are set, or that have no way not to be. */
  readonly all: Texts;
  /** Those of them that are set. */
  readonly said: Texts;
}

/** What protobuf-es has read, in the form in which decisions see a request; with what is always there, or without. */
function plain(message: ReflectMessage, withDefaults: boolean): Message {
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
  return into as Message;
}

function received(message: ReflectMessage): Found {
  return { all: decidedOn(plain(message, true)), said: decidedOn(plain(message, false)) };
}

function decoded(desc: DescMessage, bytes: Uint8Array): ReceivedMessage | undefined {
  try {
    return fromBinary(desc, bytes);
  } catch {
    return undefined;
  }
}

/**
 * The same through another decoder: the one of @grpc/proto-loader, which most gRPC servers on Node have. Fails where a
 * value that was decided on is another one there.
 *
 * @param decode to an object of proto names, 64-bit integers as text, enums as numbers, without defaults.
 */
export function compareWithLoader(decode: (bytes: Buffer) => object, { message, bytes }: BoundRequest): void {
  let backend: unknown;
  try {
    backend = decode(bytes);
  } catch {
    return;
  }
  const there = decidedOn(backend as Message);
  const seen = decidedOn(message);
  for (const [path, text] of there) {
    // Of the first two its own protos spell the fields otherwise; the third is a map, which it gives out as an object.
    if (/^(?:value|struct|books)\./.test(path)) continue;
    if (String(seen.get(path)) !== String(text)) {
      const ours = JSON.stringify(seen.get(path));
      throw new Error(`proto-loader reads ${path} = ${JSON.stringify(text)}, the decision sees ${ours}`);
    }
  }
  for (const [path, text] of seen) {
    if (/^(?:value|struct|books)\./.test(path) || saysNothing(String(text))) continue;
    if (!there.has(path))
      throw new Error(`the decision sees ${path} = ${JSON.stringify(text)}, proto-loader reads none`);
  }
}

/** Fails where a decision saw something else in a request than its backend gets, in either direction. */
export function compareViews(desc: DescMessage, { message, bytes }: BoundRequest): void {
  const backend = decoded(desc, bytes);
  // A backend that cannot read them does nothing.
  if (backend === undefined) return;
  const { all, said } = received(reflect(desc, backend));
  const seen = decidedOn(message);
  for (const [path, text] of seen) {
    const there = all.get(path);
    if (String(there) !== String(text)) {
      throw new Error(`the decision sees ${path} = ${JSON.stringify(text)}, the backend gets ${JSON.stringify(there)}`);
    }
  }
  for (const [path, text] of said) {
    if (!seen.has(path)) throw new Error(`the backend gets ${path} = ${JSON.stringify(text)}, the decision sees none`);
  }
}

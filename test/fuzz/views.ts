import { type DescMessage, fromBinary, type Message as ReceivedMessage } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { Message } from '../../src/gateway/routes/message.ts';
import type { BoundRequest } from '../../src/gateway/routes/request.ts';

/** Texts by field path, as a policy's `where` reads them; of a list the texts of its elements. */
type Texts = Map<string, string | readonly string[]>;

/** What a decision can read of the message that it is given. */
function decidedOn(message: Message, prefix = '', texts: Texts = new Map()): Texts {
  for (const name of Object.keys(message)) {
    const value: unknown = message[name];
    const path = prefix + name;
    if (value instanceof Uint8Array || value instanceof Map) continue;
    if (Array.isArray(value)) {
      // A condition on an empty list never holds; to the backend it is not there.
      if (value.length > 0 && value.every((element) => typeof element !== 'object')) texts.set(path, value.map(String));
    } else if (typeof value === 'object' && value !== null) decidedOn(value as Message, `${path}.`, texts);
    else texts.set(path, String(value));
  }
  return texts;
}

/** What a backend finds in the bytes that it is sent, by protobuf-es, which shares no code with ours. */
interface Found {
  /** Fields that are set, or that have no way not to be. */
  readonly all: Texts;
  /** Single scalars that say more than their default. */
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

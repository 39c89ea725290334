import type protobuf from 'protobufjs';
import { UsageError } from './errors.ts';
import { isRecord } from './is-record.ts';
import { isResponseHeaderName } from './response-header-name.ts';

/** Full name of the message that stands for a body. */
const HTTP_BODY = '.google.api.HttpBody';

/** A response header that a method's bodies come with. */
export interface BodyHeader {
  /** In lower case. */
  readonly name: string;
  readonly description: string;
  readonly kind: 'text' | 'number' | 'integer';
}

const KINDS: Readonly<Record<string, BodyHeader['kind']>> = {
  HEADER_KIND_UNSPECIFIED: 'text',
  HEADER_KIND_NUMBER: 'number',
  HEADER_KIND_INTEGER: 'integer',
};

const HEADER_KEYS: ReadonlySet<string> = new Set(['name', 'description', 'kind']);

/**
 * The response headers that `passband.v1.body` names of a method, in their order.
 *
 * @throws UsageError that names the method and what no gateway could do.
 */
export function bodyHeaders(
  method: string,
  { resolvedResponseType, responseStream }: protobuf.Method,
  given: unknown,
): readonly BodyHeader[] {
  if (given === undefined) return [];
  const where = `${method}: (passband.v1.body)`;
  if (!isRecord(given)) throw new UsageError(`${where} is not one message`);
  const unknown = Object.keys(given).find((key) => key !== 'header');
  if (unknown !== undefined) throw new UsageError(`${where} has no field "${unknown}"`);
  if (resolvedResponseType?.fullName !== HTTP_BODY || responseStream !== true) {
    throw new UsageError(`${where} is for methods that answer with a stream of google.api.HttpBody`);
  }
  // A repeated field comes as nothing, one element or an array.
  const headers = [given.header ?? []].flat().map((header) => bodyHeader(where, header));
  const names = headers.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`${where}: header ${twice} is named twice`);
  return headers;
}

function bodyHeader(where: string, header: unknown): BodyHeader {
  if (!isRecord(header)) throw new UsageError(`${where}: header must be a message with a name`);
  const { name, description = '', kind = 'HEADER_KIND_UNSPECIFIED' } = header;
  const unknown = Object.keys(header).find((key) => !HEADER_KEYS.has(key));
  if (unknown !== undefined) throw new UsageError(`${where}: header has no field "${unknown}"`);
  if (typeof name !== 'string' || !isResponseHeaderName(name)) {
    throw new UsageError(
      `${where}: header "${String(name)}" is none that a backend may ask for; name content-disposition, or one that begins with x-, in lower case`,
    );
  }
  if (typeof description !== 'string') throw new UsageError(`${where}: description of ${name} must be one string`);
  const known = typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (known === undefined) throw new UsageError(`${where}: unknown kind ${String(kind)} of ${name}`);
  return { name, description, kind: known };
}

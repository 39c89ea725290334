import type { OpenApiDocument, Operation, Parameter, Schema } from '../model.ts';
import { componentName } from './schema-html.ts';

/** Messages in messages that an example shows. */
const MAX_EXAMPLE_DEPTH = 3;
/** Characters of a JSON body that still fits one line of a page. */
const MAX_LINE_LENGTH = 72;

/** A command to paste that makes an operation's call; what stands in capitals is to be filled in. */
export function curlExample(document: OpenApiDocument, method: string, path: string, operation: Operation): string {
  const base = document.servers?.[0]?.url ?? 'https://localhost:8443';
  const url = base + path.replace(/\{([^}]+)\}/g, (_, name: string) => placeholder(name)) + requiredQuery(operation);
  const body = operation.requestBody?.content ?? {};
  const json = body['application/json'];
  const isStream = body['application/x-ndjson'] !== undefined;
  const answer = Object.values(operation.responses)[0];
  const answersStream = answer !== undefined && 'content' in answer && 'text/event-stream' in (answer.content ?? {});
  const options: string[] = [];
  if (isStream || answersStream) options.push('-N');
  const implied = json !== undefined ? 'POST' : 'GET';
  if (method === 'HEAD') options.push('-I');
  else if (isStream || (method !== implied && method !== '*')) options.push(`-X ${quoted(method)}`);
  if (isStream) options.push("-H 'content-type: application/x-ndjson'", '-T messages.ndjson');
  else if (json !== undefined) options.push(`--json ${quoted(jsonText(document, json.schema))}`);
  else if (body['*/*'] !== undefined) options.push("-H 'content-type: TYPE'", '--data-binary @FILE');
  const first = 'curl --cacert certs/ca.crt --cert certs/client.crt --key certs/client.key';
  const second = options.length === 0 ? [] : [options.join(' ')];
  return [first, ...second, quoted(url)].join(' \\\n  ');
}

function placeholder(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase();
}

function requiredQuery({ parameters = [] }: Operation): string {
  const required = parameters.filter(
    (one): one is Parameter => 'in' in one && one.in === 'query' && one.required === true,
  );
  return required.length === 0 ? '' : `?${required.map(({ name }) => `${name}=${placeholder(name)}`).join('&')}`;
}

/** A word as a POSIX shell takes it literally. */
function quoted(text: string): string {
  return /^[A-Za-z0-9]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function jsonText(document: OpenApiDocument, schema: Schema): string {
  const value = sample(document, schema, 0);
  const line = JSON.stringify(value);
  return line.length <= MAX_LINE_LENGTH ? line : JSON.stringify(value, null, 2).replaceAll('\n', '\n  ');
}

/** A value of a schema. */
function sample(document: OpenApiDocument, schema: Schema, depth: number): unknown {
  const name = componentName(schema);
  if (name !== undefined) {
    const target = document.components.schemas[name];
    return target === undefined || depth > MAX_EXAMPLE_DEPTH ? {} : sample(document, target, depth + 1);
  }
  if (schema.const !== undefined) return schema.const;
  // A 0 that stands beside a range changes nothing.
  const choice = schema.oneOf?.find((one) => one.const !== undefined) ?? schema.oneOf?.[0];
  if (choice !== undefined) return sample(document, choice, depth);
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.items !== undefined) return depth > MAX_EXAMPLE_DEPTH ? [] : [sample(document, schema.items, depth + 1)];
  const members = Object.entries(schema.properties ?? {}).filter(([, member]) => member.deprecated === undefined);
  switch (schema.type) {
    case 'object':
      if (depth > MAX_EXAMPLE_DEPTH) return {};
      return Object.fromEntries(members.map(([key, member]) => [key, sample(document, member, depth + 1)]));
    case 'integer':
    case 'number':
      return Math.max(0, schema.minimum ?? 0);
    case 'boolean':
      return false;
    case 'string':
      return text(schema);
    default:
      return null;
  }
}

function text({ format, pattern, contentEncoding, 'x-minimum': least = '0' }: Schema): string {
  if (format === 'date-time') return '2026-01-31T12:00:00Z';
  if (format === 'int64' || format === 'uint64') return least.startsWith('-') ? '0' : least;
  if (contentEncoding !== undefined) return 'AAEC';
  // The one pattern among the schemas of messages is that of a duration.
  return pattern === undefined ? 'text' : '1.5s';
}

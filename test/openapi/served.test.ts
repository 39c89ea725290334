import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OpenApiDocument, Response, Schema } from '../../src/openapi/model.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let caller: Caller;
let document: OpenApiDocument;

beforeAll(async () => {
  stack = await startStack();
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  document = (await caller.call('/openapi.json')).json() as unknown as OpenApiDocument;
});

afterAll(async () => {
  await caller?.close();
  await stack?.close();
});

/** Where a value is not what a schema says: the part of JSON Schema that documents of ours use, unknown members refused. */
function faults(schema: Schema, value: unknown, at = '$'): string[] {
  if (schema.$ref !== undefined) {
    const target = document.components.schemas[schema.$ref.replace('#/components/schemas/', '')];
    return target === undefined ? [`${at}: ${schema.$ref} is not there`] : faults(target, value, at);
  }
  if (schema.oneOf !== undefined) {
    return schema.oneOf.some((choice) => faults(choice, value, at).length === 0) ? [] : [`${at}: fits no choice`];
  }
  if (schema.const !== undefined && value !== schema.const) return [`${at}: ${value}, not ${schema.const}`];
  const [least, most] = [schema.minimum ?? schema['x-minimum'], schema.maximum ?? schema['x-maximum']];
  if (Number(value) < Number(least) || Number(value) > Number(most)) return [`${at}: ${value} is out of range`];
  if (schema.enum !== undefined && !schema.enum.includes(String(value))) return [`${at}: ${value} is no value`];
  const kind = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  const wanted = schema.type === 'integer' ? 'number' : schema.type;
  if (wanted !== undefined && wanted !== kind) return [`${at}: ${kind}, not ${wanted}`];
  if (schema.type === 'integer' && !Number.isInteger(value)) return [`${at}: ${value} is not whole`];
  if (/^u?int64$/.test(schema.format ?? '') && !/^-?[0-9]+$/.test(String(value)))
    return [`${at}: ${value} is no integer`];
  if (Array.isArray(value)) return value.flatMap((item, index) => faults(schema.items ?? {}, item, `${at}[${index}]`));
  if (kind !== 'object') return [];
  const members = Object.entries(value as Readonly<Record<string, unknown>>);
  const missing = (schema.required ?? []).filter((name) => !members.some(([key]) => key === name));
  return [
    ...missing.map((name) => `${at}: ${name} is missing`),
    ...members.flatMap(([name, member]) => {
      const inner = schema.properties?.[name] ?? schema.additionalProperties;
      if (inner === undefined || inner === false) return [`${at}: ${name} is not described`];
      return inner === true ? [] : faults(inner, member, `${at}.${name}`);
    }),
  ];
}

/** What the document says of an answer. */
function described(path: string, method: 'get' | 'post', status: number, mediaType: string): Schema {
  const responses = document.paths[path]?.[method]?.responses ?? {};
  const found = responses[status] ?? responses.default;
  const response: Response | undefined =
    found !== undefined && '$ref' in found
      ? document.components.responses[found.$ref.replace('#/components/responses/', '')]
      : found;
  const media = response?.content?.[mediaType];
  if (media === undefined) throw new Error(`${method} ${path} ${status} ${mediaType} is not described`);
  return media.schema;
}

describe('what the gateway answers is what its description says', () => {
  test.each([
    ['get', '/v1/stations', '/v1/stations', undefined, 200],
    ['get', '/v1/stations/{station_id}', '/v1/stations/adsb', undefined, 200],
    ['get', '/v1/stations/{station_id}', '/v1/stations/none', undefined, 404],
    ['get', '/v1/stations/{station_id}/stats', '/v1/stations/sim-1/stats', undefined, 200],
    ['get', '/v1/stations/{station_id}/spectrum', '/v1/stations/sim-1/spectrum?fftSize=64&averaging=1', undefined, 200],
    ['get', '/v1/stations/{station_id}/spectrum', '/v1/stations/sim-1/spectrum?fftSize=63', undefined, 400],
    ['get', '/v1/stations/{station_id}/antenna', '/v1/stations/sim-1/antenna', undefined, 400],
    ['post', '/v1/stations/{station_id}:start', '/v1/stations/sim-1:start', '{}', 200],
    ['post', '/v1/stations/{station_id}:start', '/v1/stations/sim-1:start', '{"nope":1}', 400],
    ['get', '/whoami', '/whoami', undefined, 200],
    ['get', '/healthz', '/healthz', undefined, 200],
    ['get', '/readyz', '/readyz', undefined, 200],
  ] as const)('%s %s as %s with %s: %d', async (method, path, target, body, status) => {
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const answer = await caller.call(target, {
      method: method.toUpperCase(),
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const mediaType = String(answer.headers['content-type']);
    expect([answer.status, mediaType]).toEqual([
      status,
      status < 400 ? 'application/json' : 'application/problem+json',
    ]);
    expect(answer.headers['x-request-id']).toEqual(expect.any(String));
    expect(faults(described(path, method, status, mediaType), answer.json())).toEqual([]);
  });

  test('also of a message in a stream', async () => {
    const path = '/v1/stations/{station_id}/iq';
    const ok = document.paths[path]?.get?.responses['200'];
    const content = ok !== undefined && 'content' in ok ? ok.content : undefined;
    const item = content?.['text/event-stream']?.['x-itemSchema'];
    const stream = await caller.events('/v1/stations/sim-1/iq?datatype=cu8&batchSizeSamples=128&overflow=block');
    for await (const event of stream) {
      expect(event.event).toBeUndefined();
      expect(faults(item ?? { type: 'nothing' }, JSON.parse(event.data))).toEqual([]);
      break;
    }
    stream.stop();
  });

  /** A recording that has its length. */
  async function recorded(): Promise<string> {
    const begun = await caller.call('/v1/stations/sim-1/recordings', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"samples": 1000}',
    });
    const path = `/v1/recordings/${begun.json().recordingId}`;
    let state = begun.json().state;
    while (state === 'RECORDING_STATE_RECORDING') state = (await caller.call(path)).json().state;
    return `${path}:download`;
  }

  test.each([
    ['/v1/stations/{station_id}/iq:download', async () => '/v1/stations/sim-1/iq:download?samples=100', 8],
    ['/v1/recordings/{recording_id}:download', recorded, 3],
  ])('also of the headers of %s', async (path, target, count) => {
    const ok = document.paths[path]?.get?.responses['200'];
    const documented = ok !== undefined && 'headers' in ok ? Object.entries(ok.headers ?? {}) : [];
    expect(documented).toHaveLength(count);
    const { status, headers } = await caller.call(await target());
    expect(status).toBe(200);
    // None that a backend may ask for goes out without being described, and each that is described goes out.
    const ofAll = (await caller.call('/v1/stations')).headers;
    const asked = Object.keys(headers).filter((name) => /^(content-disposition|x-)/.test(name) && !(name in ofAll));
    const own = documented.map(([name]) => name.toLowerCase()).filter((name) => name !== 'x-request-id');
    expect(asked.sort()).toEqual(own.sort());
    for (const [name, header] of documented) {
      if ('$ref' in header) continue;
      const text = String(headers[name.toLowerCase()]);
      expect(faults(header.schema, header.schema.type === 'string' ? text : Number(text))).toEqual([]);
    }
  });

  test.each(['/', '/docs'])('%s is a page whose one style sheet its own policy allows', async (path) => {
    const { status, headers, text } = await caller.call(path);
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(text) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = String(headers['content-security-policy']).split(/;\s*/);
    expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", `style-src 'sha256-${hash}'`]));
    expect(policy.join(' ')).not.toMatch(/unsafe|script-src|\*/);
  });

  test('the start page names the caller and both stations', async () => {
    const { text } = await caller.call('/');
    for (const part of ['oran-client', 'adsb', 'sim-1', '1090 MHz']) expect(text).toContain(part);
  });
});

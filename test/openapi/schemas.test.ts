import { describe, expect, test } from '@jest/globals';
import type { Operation, Parameter } from '../../src/openapi/model.ts';
import { fromProto, lint, rpcOperations } from './from-proto.ts';

const IMPORTS = `
  import "google/protobuf/any.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/empty.proto";
  import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
  import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto"; import "google/api/httpbody.proto";`;

/** The operations of service S whose RPCs and messages are given. */
async function operationsFor(body: string, head?: string) {
  const described = await fromProto(`${IMPORTS}\n${body}`, head);
  const byId = new Map(rpcOperations(described.document).map(({ operation }) => [operation.operationId, operation]));
  const operation = (id: string): Operation => {
    const found = byId.get(id);
    if (found === undefined) throw new Error(`no operation ${id} among ${[...byId.keys()].join(', ')}`);
    return found;
  };
  return { ...described, operation };
}

function query({ parameters = [] }: Operation): readonly Parameter[] {
  return parameters.filter((parameter): parameter is Parameter => 'name' in parameter && parameter.in === 'query');
}

const DOUBLE = { $ref: '#/components/schemas/Double' };
const FLOAT = { $ref: '#/components/schemas/Float' };
const INT64 = { type: 'string', format: 'int64' };
const UINT64 = { type: 'string', format: 'uint64' };
const INT32 = { type: 'integer', format: 'int32', minimum: -2147483648, maximum: 2147483647 };
const UINT32 = { type: 'integer', format: 'uint32', minimum: 0, maximum: 4294967295 };
const BYTES = { type: 'string', contentEncoding: 'base64' };
const known = (name: string) => ({ $ref: `#/components/schemas/google.protobuf.${name}` });

const FIELDS: readonly (readonly [declaration: string, name: string, schema: object])[] = [
  ['double a_b = 1', 'aB', DOUBLE],
  ['float x = 1', 'x', FLOAT],
  ['int32 x = 1', 'x', INT32],
  ['sint32 x = 1', 'x', INT32],
  ['sfixed32 x = 1', 'x', INT32],
  ['uint32 x = 1', 'x', UINT32],
  ['fixed32 x = 1', 'x', UINT32],
  ['int64 x = 1', 'x', INT64],
  ['sint64 x = 1', 'x', INT64],
  ['sfixed64 x = 1', 'x', INT64],
  ['uint64 x = 1', 'x', UINT64],
  ['fixed64 x = 1', 'x', UINT64],
  ['bool x = 1', 'x', { type: 'boolean' }],
  ['string x = 1 [json_name = "other"]', 'other', { type: 'string' }],
  ['string x = 1 [deprecated = true]', 'x', { type: 'string', deprecated: true }],
  ['bytes x = 1', 'x', BYTES],
  ['E x = 1', 'x', { $ref: '#/components/schemas/odd.v1.E' }],
  ['optional int64 x = 1', 'x', INT64],
  ['repeated bytes x = 1', 'x', { type: 'array', items: BYTES }],
  ['M x = 1', 'x', { $ref: '#/components/schemas/odd.v1.M' }],
  ['repeated M x = 1', 'x', { type: 'array', items: { $ref: '#/components/schemas/odd.v1.M' } }],
  ['map<string, int64> x = 1', 'x', { type: 'object', additionalProperties: INT64 }],
  [
    'map<int32, M> x = 1',
    'x',
    {
      type: 'object',
      propertyNames: { description: 'A int32 as text.' },
      additionalProperties: { $ref: '#/components/schemas/odd.v1.M' },
    },
  ],
  ['google.protobuf.Timestamp x = 1', 'x', known('Timestamp')],
  ['google.protobuf.Duration x = 1', 'x', known('Duration')],
  ['google.protobuf.FieldMask x = 1', 'x', known('FieldMask')],
  ['google.protobuf.Struct x = 1', 'x', known('Struct')],
  ['google.protobuf.Value x = 1', 'x', known('Value')],
  ['google.protobuf.ListValue x = 1', 'x', known('ListValue')],
  ['google.protobuf.Any x = 1', 'x', known('Any')],
  ['google.protobuf.Empty x = 1', 'x', known('Empty')],
  ['google.protobuf.UInt64Value x = 1', 'x', known('UInt64Value')],
  ['google.protobuf.NullValue x = 1', 'x', { type: 'null' }],
];

describe('schemas', () => {
  test.each(FIELDS)('%s', async (declaration, name, schema) => {
    const { document } = await operationsFor(`
      service S { rpc Get(Q) returns (M) { option (google.api.http) = { get: "/x" }; } }
      message Q {} message M { ${declaration}; } enum E { ZERO = 0; ONE = 1; }`);
    expect(document.components.schemas['odd.v1.M']).toEqual({ type: 'object', properties: { [name]: schema } });
  });

  test.each<[type: string, range: string, schema: object]>([
    ['uint32', 'min: 1, max: 9, unit: "samples"', { ...UINT32, minimum: 1, maximum: 9, 'x-unit': 'samples' }],
    ['sint32', 'unit: "(seed)"', { ...INT32, 'x-unit': '(seed)' }],
    [
      'uint32',
      'min: 64, max: 128, unit: "points", zero: "means 99"',
      {
        oneOf: [
          { ...UINT32, minimum: 64, maximum: 128 },
          { type: 'integer', const: 0, description: '0 means 99.' },
        ],
        'x-unit': 'points',
      },
    ],
    [
      'double',
      'min: -0.5, max: 300e9, unit: "Hz", zero: "means now"',
      { type: 'number', format: 'double', minimum: -0.5, maximum: 300e9, 'x-unit': 'Hz' },
    ],
    [
      'repeated float',
      'min: 0, max: 1, unit: "V"',
      { type: 'array', items: { type: 'number', format: 'float', minimum: 0, maximum: 1, 'x-unit': 'V' } },
    ],
    [
      'uint64',
      'min: 1, unit: "bytes", zero: "means all"',
      { ...UINT64, 'x-minimum': '1', 'x-maximum': '18446744073709551615', 'x-unit': 'bytes' },
    ],
    [
      'int64',
      'limits: "at most 5 s after now", unit: "ns"',
      { ...INT64, 'x-limits': 'at most 5 s after now', 'x-unit': 'ns' },
    ],
  ])('of a %s that takes {%s}', async (type, range, schema) => {
    const { document } = await operationsFor(`import "passband/v1/field_options.proto";
      service S { rpc Get(Q) returns (M) { option (google.api.http) = { get: "/x" }; } }
      message Q { ${type} x = 1 [(passband.v1.range) = {${range}}]; }
      message M { ${type} x = 1 [(passband.v1.range) = {${range}}]; }`);
    expect(document.components.schemas['odd.v1.M']).toEqual({ type: 'object', properties: { x: schema } });
    expect(document.paths['/x']?.get?.parameters).toContainEqual(expect.objectContaining({ name: 'x', schema }));
    expect(await lint(document)).toBe('');
  });

  test('of all kinds of fields together pass the linter', async () => {
    const fields = FIELDS.map(([text], at) =>
      text.replace(/\b(\w+) = 1\b/, `f${at} = ${at + 1}`).replace('"other"', '"o"'),
    );
    const { document } = await operationsFor(`
      service S { rpc Get(Q) returns (M) { option (google.api.http) = { get: "/x" }; } }
      message Q {} message M { ${fields.join('; ')}; } enum E { ZERO = 0; ONE = 1; }`);
    expect(Object.keys(document.components.schemas['odd.v1.M']?.properties ?? {})).toHaveLength(FIELDS.length);
    expect(await lint(document)).toBe('');
  });

  test('of messages whose JSON form is their own', async () => {
    const types = ['Timestamp', 'Duration', 'FieldMask', 'Struct', 'Value', 'ListValue', 'Any', 'Empty', 'BoolValue'];
    const fields = types.map((type, index) => `google.protobuf.${type} x${index} = ${index + 1};`);
    const { document } = await operationsFor(`
      service S { rpc Get(Q) returns (M) { option (google.api.http) = { get: "/x" }; } }
      message Q {} message M { ${fields.join(' ')} google.protobuf.DoubleValue d = 20; }`);
    const { schemas } = document.components;
    const of = (name: string) => schemas[`google.protobuf.${name}`];
    expect(of('Timestamp')).toMatchObject({ type: 'string', format: 'date-time' });
    expect(of('Duration')).toMatchObject({ type: 'string' });
    for (const text of ['1s', '-0.5s', '315576000000.999999999s'])
      expect(text).toMatch(new RegExp(of('Duration')?.pattern ?? ''));
    for (const text of ['1', 's', '1.s', '1m']) expect(text).not.toMatch(new RegExp(of('Duration')?.pattern ?? 'none'));
    expect(of('FieldMask')).toMatchObject({ type: 'string' });
    expect(of('Struct')).toMatchObject({ type: 'object', additionalProperties: true });
    expect(of('Value')).not.toHaveProperty('type');
    expect(of('ListValue')).toMatchObject({ type: 'array', items: {} });
    expect(of('Any')).toMatchObject({ type: 'object', properties: { '@type': { type: 'string' } } });
    expect(of('Empty')).toMatchObject({ type: 'object' });
    expect(of('BoolValue')).toEqual({ type: 'boolean' });
    expect(of('DoubleValue')).toEqual(DOUBLE);
    expect(schemas.Double).toMatchObject({
      oneOf: [{ type: 'number', format: 'double' }, { enum: ['NaN', 'Infinity', '-Infinity'] }],
    });
    expect(schemas).not.toHaveProperty('Float');
  });

  test('carry the comments of the proto, without what is meant for its authors', async () => {
    const { document, operation } = await operationsFor(`
      // Serves.
      service S {
        // Gets it, e.g. now. And more
        // of it.
        //
        // buf:lint:ignore RPC_NAME
        // (-- api-linter: all of it --)
        rpc Get(Q) returns (M) { option (google.api.http) = { get: "/x" }; option deprecated = true; }
        rpc Plain(Q) returns (M) { option (google.api.http) = { get: "/y" }; }
      }
      message Q {
        // How much of it.
        E much = 1;
      }
      // An answer.
      message M {
        option deprecated = true;
        // What it holds, in Hz.
        E held = 1;
        // One way.
        oneof way { string left = 2; string right = 3; }
        // The only way.
        oneof only { string alone = 4; }
      }
      // How much.
      enum E {
        option allow_alias = true;
        // Nothing.
        NO = 0;
        // All of
        // it.
        ALL = 1;
        EVERYTHING = 1;
      }`);
    expect(document.tags[0]).toEqual({ name: 'S', description: 'Serves.' });
    expect(operation('S_Get')).toMatchObject({
      summary: 'Gets it, e.g. now',
      description: 'Gets it, e.g. now. And more\nof it.\n\ngRPC: `odd.v1.S/Get`.',
      deprecated: true,
    });
    expect(operation('S_Plain')).toMatchObject({ summary: 'Plain', description: 'gRPC: `odd.v1.S/Plain`.' });
    expect(operation('S_Plain')).not.toHaveProperty('deprecated');
    expect(query(operation('S_Get'))[0]).toMatchObject({ name: 'much', description: 'How much of it.' });
    expect(document.components.schemas['odd.v1.M']).toMatchObject({
      description: 'An answer.\n\nAt most one of `left`, `right` (oneof `way`).',
      deprecated: true,
      properties: { held: { $ref: '#/components/schemas/odd.v1.E', description: 'What it holds, in Hz.' } },
    });
    expect(document.components.schemas['odd.v1.E']).toEqual({
      description: 'How much.\n\n- `NO`: Nothing.\n- `ALL`: All of it.',
      type: 'string',
      enum: ['NO', 'ALL', 'EVERYTHING'],
    });
  });

  test('of messages that contain themselves or one another end', async () => {
    const { document, operation } = await operationsFor(`
      service S {
        rpc Get(Tree) returns (Tree) { option (google.api.http) = { get: "/x" }; }
        rpc Put(Tree) returns (Tree) { option (google.api.http) = { put: "/{left.name}" body: "*" }; }
      }
      message Tree { string name = 1; Tree left = 2; repeated Tree more = 3; Other other = 4; }
      message Other { Tree tree = 1; string text = 2; }`);
    expect(query(operation('S_Get')).map(({ name }) => name)).toEqual(['name', 'other.text']);
    expect(operation('S_Put').requestBody?.content['application/json']?.schema).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string' },
        left: {
          type: 'object',
          properties: {
            left: { $ref: '#/components/schemas/odd.v1.Tree' },
            more: { type: 'array', items: { $ref: '#/components/schemas/odd.v1.Tree' } },
            other: { $ref: '#/components/schemas/odd.v1.Other' },
          },
        },
        more: { type: 'array', items: { $ref: '#/components/schemas/odd.v1.Tree' } },
        other: { $ref: '#/components/schemas/odd.v1.Other' },
      },
    });
    expect(await lint(document)).toBe('');
  });

  test('of messages without a package do not meet the shared ones', async () => {
    const { document } = await operationsFor(
      `service S { rpc Get(Problem) returns (Double) { option (google.api.http) = { post: "/x" body: "*" }; } }
       message Problem { double d = 1; } message Double { string s = 1; }`,
      'syntax = "proto3";',
    );
    expect(document.components.schemas).toMatchObject({
      'Problem-message': { properties: { d: DOUBLE } },
      'Double-message': { properties: { s: { type: 'string' } } },
      Problem: { required: expect.arrayContaining(['status']) },
      Double: { oneOf: expect.anything() },
    });
    expect(await lint(document)).toBe('');
  });

  test('of proto2 know what is required and what another message adds', async () => {
    const { document, operation } = await operationsFor(
      `service S { rpc Get(M) returns (M) { option (google.api.http) = { get: "/{name}" }; } }
       message M { required string name = 1; required bool flag = 2; extensions 100 to 199; }
       extend M { optional int64 added_later = 100; }`,
      'syntax = "proto2"; package odd.v1;',
    );
    expect(document.components.schemas['odd.v1.M']).toEqual({
      type: 'object',
      required: ['name', 'flag'],
      properties: { name: { type: 'string' }, flag: { type: 'boolean' }, '[odd.v1.added_later]': INT64 },
    });
    expect(query(operation('S_Get')).map(({ name }) => name)).toEqual(['flag']);
    expect(await lint(document)).toBe('');
  });
});

describe('query parameters', () => {
  test('are what path and body leave', async () => {
    const { document, operation } = await operationsFor(`
      service S {
        rpc None(Q) returns (Q) { option (google.api.http) = { get: "/a/{inner.id}/{at}" }; }
        rpc Field(Q) returns (Q) { option (google.api.http) = { post: "/b" body: "inner" }; }
        rpc All(Q) returns (Q) { option (google.api.http) = { post: "/c" body: "*" }; }
      }
      message Q {
        int64 some_number = 1;
        repeated E kinds = 2;
        I inner = 3;
        google.protobuf.Timestamp at = 4;
        google.protobuf.StringValue text = 5;
        map<string, string> labels = 6;
        repeated I list = 7;
        google.protobuf.Struct struct = 8;
        oneof choice { string left = 9; bool right = 10; }
        bytes raw = 11;
        repeated google.protobuf.Duration waits = 12;
      }
      message I { string id = 1; bool deep_flag = 2; }
      enum E { A = 0; B = 1; }`);
    const rest = ['text', 'left', 'right', 'raw', 'waits'];
    const names = (id: string) => query(operation(id)).map(({ name }) => name);
    expect(names('S_None')).toEqual(['someNumber', 'kinds', 'inner.deepFlag', ...rest]);
    expect(names('S_Field')).toEqual(['someNumber', 'kinds', 'at', ...rest]);
    expect(names('S_All')).toEqual([]);
    const byName = new Map(query(operation('S_Field')).map((parameter) => [parameter.name, parameter]));
    expect(byName.get('someNumber')).toEqual({ name: 'someNumber', in: 'query', schema: INT64 });
    expect(byName.get('kinds')).toEqual({
      name: 'kinds',
      in: 'query',
      style: 'form',
      explode: true,
      schema: { type: 'array', items: { $ref: '#/components/schemas/odd.v1.E' } },
    });
    expect(byName.get('at')?.schema).toEqual(known('Timestamp'));
    expect(byName.get('left')?.description).toBe('Not together with `right`.');
    expect(byName.get('raw')?.schema).toEqual(BYTES);
    expect(await lint(document)).toBe('');
  });

  test('end where messages nest without end in width', async () => {
    // Eight messages that each contain all the others: paths without a repetition are more than 10,000.
    const types = Array.from({ length: 8 }, (_, at) => {
      const inner = Array.from({ length: 8 }, (_, to) => `M${to} m${to} = ${to + 1};`).join(' ');
      return `message M${at} { ${inner} string s = 20; }`;
    });
    const { operation } = await operationsFor(
      `service S { rpc Get(M0) returns (M1) { option (google.api.http) = { get: "/x" }; } } ${types.join('\n')}`,
    );
    expect(query(operation('S_Get'))).toHaveLength(256);
  });
});

describe('bodies', () => {
  const RPCS: readonly (readonly [claim: string, rpc: string, body: object | undefined, good: object])[] = [
    [
      'a whole message',
      'rpc Get(Q) returns (M) { option (google.api.http) = { post: "/x" body: "*" }; }',
      {
        content: {
          'application/json': { schema: { $ref: '#/components/schemas/odd.v1.Q' } },
          'application/x-protobuf': expect.anything(),
        },
      },
      {
        'application/json': { schema: { $ref: '#/components/schemas/odd.v1.M' } },
        'application/x-protobuf': expect.anything(),
      },
    ],
    [
      'one field each way: a list and a text have no protobuf form',
      'rpc Get(Q) returns (M) { option (google.api.http) = { post: "/x" body: "list" response_body: "text" }; }',
      { content: { 'application/json': { schema: { type: 'array', items: { type: 'string' } } } } },
      { 'application/json': { schema: { type: 'string' } } },
    ],
    [
      'a field of which the path gives a part',
      'rpc Get(Q) returns (M) { option (google.api.http) = { patch: "/x/{inner.id}" body: "inner" }; }',
      {
        content: {
          'application/json': { schema: { type: 'object', properties: { other: { type: 'string' } } } },
          'application/x-protobuf': expect.anything(),
        },
      },
      expect.anything() as unknown as object,
    ],
    [
      'raw both ways',
      'rpc Get(google.api.HttpBody) returns (google.api.HttpBody) { option (google.api.http) = { post: "/x" body: "*" }; }',
      { description: expect.any(String), content: { '*/*': { schema: { type: 'string', format: 'binary' } } } },
      { '*/*': { schema: { type: 'string', format: 'binary' } } },
    ],
    [
      'a raw field of the request',
      'rpc Get(Q) returns (M) { option (google.api.http) = { post: "/x" body: "raw" response_body: "raw" }; }',
      { description: expect.any(String), content: { '*/*': { schema: { type: 'string', format: 'binary' } } } },
      { 'application/json': { schema: { $ref: '#/components/schemas/google.api.HttpBody' } } },
    ],
    [
      'a stream of requests and one answer',
      'rpc Get(stream Q) returns (M) { option (google.api.http) = { post: "/x" body: "*" }; }',
      {
        description: expect.any(String),
        required: true,
        content: {
          'application/x-ndjson': {
            schema: { type: 'string' },
            'x-itemSchema': { $ref: '#/components/schemas/odd.v1.Q' },
          },
          'application/jsonl': expect.anything(),
          'application/x-protobuf': expect.anything(),
        },
      },
      {
        'application/json': { schema: { $ref: '#/components/schemas/odd.v1.M' } },
        'application/x-protobuf': expect.anything(),
      },
    ],
    [
      'no body',
      'rpc Get(Q) returns (M) { option (google.api.http) = { delete: "/x" }; }',
      undefined,
      expect.anything() as unknown as object,
    ],
  ];
  const MESSAGES = `
    message Q { repeated string list = 1; google.api.HttpBody raw = 2; I inner = 3; }
    message I { string id = 1; string other = 2; }
    message M { string text = 1; google.api.HttpBody raw = 2; }`;
  test.each(RPCS)('%s', async (_, rpc, body, good) => {
    const { operation } = await operationsFor(`service S { ${rpc} } ${MESSAGES}`);
    expect(operation('S_Get').requestBody).toEqual(body);
    expect(operation('S_Get').responses['200']).toMatchObject({ content: good });
    const statuses = Object.keys(operation('S_Get').responses);
    expect([statuses.includes('413'), statuses.includes('415')]).toEqual([body !== undefined, body !== undefined]);
  });

  test('of all kinds together pass the linter', async () => {
    const rpcs = RPCS.map(([, rpc], at) => rpc.replace('Get(', `Get${at}(`).replace('"/x', `"/x${at}`));
    const { document } = await operationsFor(`service S { ${rpcs.join('\n')} } ${MESSAGES}`);
    expect(rpcOperations(document)).toHaveLength(RPCS.length);
    expect(await lint(document)).toBe('');
  });

  const STREAM = `
    import "passband/v1/stream_options.proto";
    service S { rpc Get(Q) returns (stream M) { option (google.api.http) = { get: "/x" }; OPTIONS } }
    message Q { FIELDS } message M { uint64 id = 1; }`;
  const STREAMS: readonly (readonly [claim: string, options: string, fields: string, parameters: readonly string[]])[] =
    [
      ['no options', '', '', []],
      ['an id', 'option (passband.v1.stream) = { id_field: "id" };', '', ['header Last-Event-ID', 'query lastEventId']],
      [
        'a choice of what a slow reader loses',
        'option (passband.v1.stream) = { overflow: OVERFLOW_LATEST allowed_overflow: [OVERFLOW_BLOCK] };',
        '',
        ['query overflow'],
      ],
      [
        'fields of the same names in the body',
        'option (passband.v1.stream) = { id_field: "id" allowed_overflow: [OVERFLOW_LATEST] };',
        'string last_event_id = 1; string overflow = 2;',
        ['header Last-Event-ID', 'query lastEventId', 'query overflow'],
      ],
      [
        'fields of the same names in the query',
        'option (passband.v1.stream) = { id_field: "id" allowed_overflow: [OVERFLOW_LATEST] };',
        'string last_event_id = 1; string overflow = 2;',
        ['query lastEventId', 'query overflow', 'header Last-Event-ID'],
      ],
    ];
  test.each(STREAMS)('a stream with %s', async (claim, options, fields, wanted) => {
    const rule = claim.endsWith('body') ? 'post: "/x" body: "*"' : 'get: "/x"';
    const { document, operation } = await operationsFor(
      STREAM.replace('get: "/x"', rule).replace('OPTIONS', options).replace('FIELDS', fields),
    );
    const { parameters = [] } = operation('S_Get');
    expect(parameters.flatMap((one) => ('name' in one ? [`${one.in} ${one.name}`] : []))).toEqual(wanted);
    expect(await lint(document)).toBe('');
  });
});

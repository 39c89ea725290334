import { describe, expect, test } from '@jest/globals';
import { describeApi, fromProto, lint, outline, reached, rpcOperations } from './from-proto.ts';

const MESSAGES = `
  message R { string name = 1; string parent = 2; I inner = 3; int64 number = 4; }
  message I { string id = 1; string other = 2; }`;

/** A service with one RPC for each rule, called A, B, …. */
function service(rules: readonly string[]): string {
  const methods = rules.map(
    (rule, index) =>
      `rpc ${String.fromCharCode(65 + index)}(R) returns (R) { option (google.api.http) = { ${rule} }; }`,
  );
  return `service S { ${methods.join('\n')} }\n${MESSAGES}`;
}

const CASES: readonly (readonly [claim: string, rules: readonly string[], operations: readonly string[]])[] = [
  ['one segment stays one parameter', ['get: "/v1/{name}"'], ['GET /v1/{name} -> A']],
  ['a nested field keeps its dots', ['get: "/v1/{inner.id}"'], ['GET /v1/{inner.id} -> A']],
  [
    'a variable of several segments is spelled out',
    ['get: "/v1/{name=shelves/*/books/*}"'],
    ['GET /v1/shelves/{shelf}/books/{book} -> A'],
  ],
  [
    'names of collections become names of elements',
    ['get: "/v1/{name=categories/*/addresses/*/boxes/*/data/*}"'],
    ['GET /v1/categories/{category}/addresses/{address}/boxes/{box}/data/{data} -> A'],
  ],
  ['two parts of one name are told apart', ['get: "/v1/{name=a/*/a/*}"'], ['GET /v1/a/{a}/a/{a_2} -> A']],
  ['the rest of a path is one parameter', ['get: "/v1/{name=**}"'], ['GET /v1/{name} -> A']],
  ['the rest behind a literal', ['get: "/v1/{name=files/**}:read"'], ['GET /v1/files/{file}:read -> A']],
  ['wildcards outside variables', ['get: "/v1/*/x/**"'], ['GET /v1/{segment}/x/{rest} -> A']],
  ['the root', ['post: "/"'], ['POST / -> A']],
  ['a verb', ['post: "/v1/{name}:go" body: "*"'], ['POST /v1/{name}:go -> A']],
  ['what would be syntax is encoded', ['get: "/v1/a%3Ab/%7Bx%7D/~@$"'], ['GET /v1/a%3Ab/%7Bx%7D/~@$ -> A']],
  [
    'templates of one shape share a path and its names',
    ['get: "/v1/{name}"', 'delete: "/v1/{parent}"', 'put: "/v1/{number}" body: "inner"'],
    ['DELETE /v1/{name} -> B', 'GET /v1/{name} -> A', 'PUT /v1/{name} -> C'],
  ],
  [
    'one segment and many do not displace one another',
    ['get: "/v1/{name=**}"', 'get: "/v1/{name}"'],
    ['GET /v1/{name} -> B', 'GET /v1/{segment}/{name} -> A'],
  ],
  [
    'nor do one, two and many',
    ['get: "/v1/{name=**}"', 'get: "/v1/{name}"', 'get: "/v1/{name}/{parent}"'],
    ['GET /v1/{name} -> B', 'GET /v1/{name}/{parent} -> C', 'GET /v1/{segment}/{segment_2}/{name} -> A'],
  ],
  [
    'a spelled-out name and a plain one share a path',
    ['get: "/v1/{name=shelves/*}"', 'delete: "/v1/shelves/{inner.id}"'],
    ['DELETE /v1/shelves/{shelf} -> B', 'GET /v1/shelves/{shelf} -> A'],
  ],
  [
    'additional bindings',
    ['get: "/v1/{name}" additional_bindings { post: "/v2/{name}" body: "*" } additional_bindings { get: "/v3/x" }'],
    ['GET /v1/{name} -> A', 'GET /v3/x -> A', 'POST /v2/{name} -> A'],
  ],
  [
    'methods that OpenAPI knows',
    [
      'custom { kind: "HEAD" path: "/x" }',
      'custom { kind: "OPTIONS" path: "/x" }',
      'custom { kind: "TRACE" path: "/x" }',
    ],
    ['HEAD /x -> A', 'OPTIONS /x -> B', 'TRACE /x -> C'],
  ],
  [
    'methods that it does not know, and one in small letters',
    ['custom { kind: "PURGE" path: "/x" }', 'custom { kind: "get" path: "/x" }', 'get: "/x"'],
    ['GET /x -> C', 'PURGE /x -> A', 'get /x -> B'],
  ],
  [
    'any method is five methods',
    ['custom { kind: "*" path: "/x" }'],
    ['DELETE /x -> A', 'GET /x -> A', 'PATCH /x -> A', 'POST /x -> A', 'PUT /x -> A'],
  ],
  [
    'any method leaves those that another RPC has',
    ['custom { kind: "*" path: "/x" }', 'get: "/x"', 'post: "/x" body: "*"'],
    ['DELETE /x -> A', 'GET /x -> B', 'PATCH /x -> A', 'POST /x -> C', 'PUT /x -> A'],
  ],
  [
    'any method that is left none is listed still',
    [
      'custom { kind: "*" path: "/x" }',
      'get: "/x" additional_bindings { put: "/x" } additional_bindings { post: "/x" } additional_bindings { delete: "/x" } additional_bindings { patch: "/x" }',
    ],
    ['* /x -> A', 'DELETE /x -> B', 'GET /x -> B', 'PATCH /x -> B', 'POST /x -> B', 'PUT /x -> B'],
  ],
  [
    'any method on one segment wins over one method on many',
    ['get: "/v1/{name=**}"', 'custom { kind: "*" path: "/v1/{name}" }'],
    [
      'DELETE /v1/{name} -> B',
      'GET /v1/{name} -> B',
      'GET /v1/{segment}/{name} -> A',
      'PATCH /v1/{name} -> B',
      'POST /v1/{name} -> B',
      'PUT /v1/{name} -> B',
    ],
  ],
];

describe('paths', () => {
  test.each(CASES)('%s', async (_, rules, operations) => {
    const { descriptors } = await fromProto(service(rules));
    const { document, routes } = describeApi(descriptors, false);
    expect(outline(document)).toEqual(operations);
    // The matcher of the gateway itself says where a request leads that was built from the document.
    for (const listed of rpcOperations(document)) {
      expect([listed.method, listed.path, reached(routes, listed)]).toEqual([
        listed.method,
        listed.path,
        listed.operation['x-grpc-method'],
      ]);
    }
    const described = new Set(rpcOperations(document).map(({ operation }) => operation['x-grpc-method']));
    expect([...described].sort()).toEqual(
      routes.routes
        .map(({ method }) => method.name)
        .filter(unique)
        .sort(),
    );
  });

  test('no linter finds two of these paths the same, an undeclared parameter or an id used twice', async () => {
    // One document of all cases: each below a prefix of its own.
    const rules = CASES.flatMap(([, list], index) =>
      list.map((rule) => rule.replaceAll(/"\/([^"]*)"/g, `"/c${index}/$1"`)),
    );
    const methods = rules.map(
      (rule, index) => `rpc M${index}(R) returns (R) { option (google.api.http) = { ${rule} }; }`,
    );
    const tidy = methods.map((method) => method.replace(/\/"/g, '"'));
    const { document } = await fromProto(`service S { ${tidy.join('\n')} }\n${MESSAGES}`);
    // Between `{segment}/x` and `{a}/{b}` the most specific template wins; OpenAPI calls such pairs ambiguous.
    const found = (await lint(document)).split('\n').filter((line) => !line.startsWith('no-ambiguous-paths'));
    expect(found.filter((line) => line !== '')).toEqual([]);
  });

  test('a parameter says what it is part of', async () => {
    const { document } = await fromProto(service(['get: "/v1/{name=shelves/*/**}"']));
    const [listed] = rpcOperations(document);
    expect(listed?.path).toBe('/v1/shelves/{shelf}/{rest}');
    expect(listed?.operation.parameters?.slice(0, 2)).toEqual([
      {
        name: 'shelf',
        in: 'path',
        required: true,
        description: 'One part of `name`, which has the form `shelves/*/**`.',
        schema: { type: 'string', minLength: 1 },
      },
      {
        name: 'rest',
        in: 'path',
        required: true,
        description: expect.stringContaining('slashes'),
        schema: { type: 'string', pattern: '^[^/]+(/[^/]+)*$' },
      },
    ]);
  });

  test('ids stay unique over bindings, packages and names that look like them', async () => {
    const { document } = await fromProto(`
      service S {
        rpc A(R) returns (R) { option (google.api.http) = { get: "/a" additional_bindings { get: "/b" } }; }
        rpc A2(R) returns (R) { option (google.api.http) = { get: "/c" additional_bindings { get: "/d" } }; }
      } ${MESSAGES}`);
    const ids = Object.fromEntries(rpcOperations(document).map(({ path, operation }) => [path, operation.operationId]));
    expect(ids).toEqual({ '/a': 'S_A', '/b': 'S_A3', '/c': 'S_A2', '/d': 'S_A22' });
  });

  test('a service called Gateway does not mix with the pages of the gateway', async () => {
    const { document } = await fromProto(
      `// Opens doors.\nservice Gateway { rpc A(R) returns (R) { option (google.api.http) = { get: "/a" }; } } ${MESSAGES}`,
    );
    expect(document.tags).toEqual([
      { name: 'odd.v1.Gateway', description: 'Opens doors.' },
      { name: 'Gateway', description: "The gateway's own pages." },
    ]);
  });

  test('the gateway answers the paths of its own pages itself', async () => {
    const { document } = await fromProto(
      service(['get: "/docs" additional_bindings { get: "/a" }', 'post: "/healthz"']),
    );
    expect(outline(document)).toEqual(['GET /a -> A']);
    expect(document.paths['/docs']?.get?.operationId).toBe('Gateway_Docs');
    expect(document.paths['/healthz']).not.toHaveProperty('post');
  });
});

function unique<T>(value: T, index: number, all: readonly T[]): boolean {
  return all.indexOf(value) === index;
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Descriptors, loadDescriptors, PASSBAND_PROTO } from '../src/descriptors.ts';
import { UsageError } from '../src/errors.ts';
import { describeProto, inFolderWith, serviceProto } from './support/protos.ts';

const ANNOTATED = 'import "google/api/annotations.proto";';
const EMPTY = 'import "google/protobuf/empty.proto";';

/** Each binding of each method, in one line. */
function bindings({ methods }: Descriptors): string[] {
  return [...methods.values()].flatMap(({ name, bindings: all }) =>
    all.map(({ method, path, body, responseBody }) =>
      [name, method, path, body && `body=${body}`, responseBody && `response_body=${responseBody}`]
        .filter(Boolean)
        .join(' '),
    ),
  );
}

describe('annotations as people write them', () => {
  test.each<[string, string, string[]]>([
    ['one line', 'option (google.api.http) = {get: "/x"};', ['test.Service/M GET /x']],
    [
      'single quotes, adjacent strings, no colons',
      `option (google.api.http) = { get '/x' "/{a}" };`,
      ['test.Service/M GET /x/{a}'],
    ],
    [
      'commas and semicolons',
      'option (google.api.http) = { post: "/x", body: "*"; response_body: "a", };',
      ['test.Service/M POST /x body=* response_body=a'],
    ],
    ['a leading dot', 'option (.google.api.http) = { get: "/x" };', ['test.Service/M GET /x']],
    [
      'field by field',
      'option (google.api.http).post = "/x"; option (google.api.http).body = "*";',
      ['test.Service/M POST /x body=*'],
    ],
    [
      'field by field in two spellings',
      'option (google.api.http).post = "/x"; option (.google.api.http).body = "*";',
      ['test.Service/M POST /x body=*'],
    ],
    [
      'a message and then a field',
      'option (google.api.http) = { post: "/x" }; option (google.api.http).body = "*";',
      ['test.Service/M POST /x body=*'],
    ],
    [
      'blanks and comments inside',
      'option ( google.api.http ) = { // here\n get /* there */ : "/x" };',
      ['test.Service/M GET /x'],
    ],
    [
      'every method',
      `option (google.api.http) = { get: "/a" additional_bindings { put: "/b" } additional_bindings: { post: "/c" body: "a" } additional_bindings { delete: "/d" } additional_bindings { patch: "/e" } additional_bindings { custom { kind: "HEAD" path: "/f" } } };`,
      ['GET /a', 'PUT /b', 'POST /c body=a', 'DELETE /d', 'PATCH /e', 'HEAD /f'].map(
        (text) => `test.Service/M ${text}`,
      ),
    ],
    [
      'a list of additional bindings',
      'option (google.api.http) = { get: "/a" additional_bindings: [ { get: "/b" }, { get: "/c" } ] };',
      ['GET /a', 'GET /b', 'GET /c'].map((text) => `test.Service/M ${text}`),
    ],
    [
      'a list and single ones',
      'option (google.api.http) = { get: "/a" additional_bindings: [{ get: "/b" }] additional_bindings { get: "/c" } };',
      ['GET /a', 'GET /b', 'GET /c'].map((text) => `test.Service/M ${text}`),
    ],
    ['an empty list', 'option (google.api.http) = { get: "/a" additional_bindings: [] };', ['test.Service/M GET /a']],
    [
      'additional bindings by statements',
      'option (google.api.http).get = "/a"; option (google.api.http).additional_bindings = { get: "/b" }; option (google.api.http).additional_bindings = { get: "/c" };',
      ['GET /a', 'GET /b', 'GET /c'].map((text) => `test.Service/M ${text}`),
    ],
    [
      'custom by statements',
      'option (google.api.http).custom.kind = "LIST"; option (google.api.http).custom.path = "/x";',
      ['test.Service/M LIST /x'],
    ],
    [
      'custom for any method',
      'option (google.api.http) = { custom: { kind: "*" path: "/x" } };',
      ['test.Service/M * /x'],
    ],
    [
      'a selector, which means nothing here',
      'option (google.api.http) = { selector: "x.Y" get: "/x" };',
      ['test.Service/M GET /x'],
    ],
    [
      'beside other options',
      'option deprecated = true; option (google.api.http) = { get: "/x" }; option idempotency_level = IDEMPOTENT;',
      ['test.Service/M GET /x'],
    ],
    ['none', '', []],
  ])('%s', async (_, options, expected) => {
    const proto = serviceProto(`rpc M(R) returns (R) { ${options} }`, 'message R { string a = 1; }');
    expect(bindings(await describeProto(proto))).toEqual(expected);
  });

  test('a name relative to the package', async () => {
    const proto = `syntax = "proto3"; package google.api.test; ${ANNOTATED} message R {}
      service S { rpc M(R) returns (R) { option (http) = { get: "/m" }; } rpc N(R) returns (R) { option (api.http) = { get: "/n" }; } }`;
    expect(bindings(await describeProto(proto))).toEqual(['google.api.test.S/M GET /m', 'google.api.test.S/N GET /n']);
  });

  test.each([
    [
      'twice',
      'option (google.api.http) = { get: "/x" }; option (google.api.http) = { get: "/y" };',
      'given more than once',
    ],
    [
      'twice in two spellings',
      'option (google.api.http) = { get: "/x" }; option (.google.api.http) = { get: "/y" };',
      'given more than once',
    ],
    [
      'a field twice',
      'option (google.api.http).get = "/x"; option (google.api.http).get = "/y";',
      'get must be one string',
    ],
    [
      'two methods',
      'option (google.api.http) = { get: "/x" post: "/y" };',
      'exactly one of get, put, post, delete, patch, custom; it has get and post',
    ],
    ['no method', 'option (google.api.http) = { body: "*" };', 'it has none'],
    ['a scalar', 'option (google.api.http) = "/x";', 'is not one message'],
    ['an unknown field', 'option (google.api.http) = { get: "/x" reponse_body: "a" };', 'has no field "reponse_body"'],
    ['a number for a path', 'option (google.api.http) = { get: 5 };', 'get must be one string'],
    ['two bodies', 'option (google.api.http) = { get: "/x" body: "a" body: "b" };', 'body must be one string'],
    ['custom as a string', 'option (google.api.http) = { custom: "/x" };', 'custom must be one message'],
    [
      'custom with more',
      'option (google.api.http) = { custom: { kind: "X" path: "/x" body: "*" } };',
      'custom must be one message',
    ],
    [
      'nested additional bindings',
      'option (google.api.http) = { get: "/x" additional_bindings { get: "/y" additional_bindings { get: "/z" } } };',
      'must not nest',
    ],
    [
      'an additional binding that is none',
      'option (google.api.http) = { get: "/x" additional_bindings: "/y" };',
      'is not one message',
    ],
    [
      'an idempotency level twice',
      'option idempotency_level = IDEMPOTENT; option idempotency_level = IDEMPOTENT;',
      'idempotency_level is given more than once',
    ],
  ])('refused: %s', async (_, options, why) => {
    const loading = describeProto(serviceProto(`rpc M(R) returns (R) { ${options} }`, 'message R { string a = 1; }'));
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow(/^test\.Service\/M: /);
    await expect(loading).rejects.toThrow(why);
  });
});

describe('what is read of a service', () => {
  test('streams, comments, options, order', async () => {
    const { services, methods } = await describeProto(`syntax = "proto3"; package p; ${EMPTY}
      // The last by name.
      service Z {
        // Sends many.
        // In two lines.
        rpc Down(google.protobuf.Empty) returns (stream google.protobuf.Empty) { option idempotency_level = NO_SIDE_EFFECTS; }
        rpc Up(stream google.protobuf.Empty) returns (google.protobuf.Empty) { option deprecated = true; option idempotency_level = IDEMPOTENT; }
        rpc Both(stream .google.protobuf.Empty) returns (stream .google.protobuf.Empty);
      }
      service A { rpc One(google.protobuf.Empty) returns (google.protobuf.Empty); }`);
    expect(services.map(({ name, comment }) => [name, comment])).toEqual([
      ['p.A', ''],
      ['p.Z', 'The last by name.'],
    ]);
    const seen = [...methods.values()].map((method) => [
      method.path,
      method.clientStreaming,
      method.serverStreaming,
      method.idempotent,
      method.deprecated,
      method.comment,
    ]);
    expect(seen).toEqual([
      ['/p.A/One', false, false, false, false, ''],
      ['/p.Z/Down', false, true, true, false, 'Sends many.\nIn two lines.'],
      ['/p.Z/Up', true, false, true, true, ''],
      ['/p.Z/Both', true, true, false, false, ''],
    ]);
    expect(methods.get('p.Z/Down')?.response.fullName).toBe('.google.protobuf.Empty');
  });

  test("Passband's own protos", async () => {
    const { services, methods } = await loadDescriptors({ paths: [PASSBAND_PROTO] });
    expect(services.map(({ name }) => name)).toContain('sdr.oran.IQStreamService');
    expect(methods.get('sdr.oran.IQStreamService/SubscribeIQ')?.bindings).toEqual([
      { method: 'GET', path: '/v1/stations/{station_id}/iq', body: '', responseBody: '' },
    ]);
  });
});

describe('names of types', () => {
  test('are found from where they stand outwards, never in unrelated inner scopes', async () => {
    const { root } = await inFolderWith(
      {
        'a.proto': 'syntax = "proto3"; package a; message Foo { int32 outer = 1; } message Only { int32 x = 1; }',
        'b.proto': `syntax = "proto3"; package a.b; import "a.proto";
          message Outer { message Inner { message Foo { int32 inner = 1; } Foo mine = 1; }
            Foo foo = 1; repeated Inner.Foo deep = 2; map<string, Foo> map = 3; .a.Foo absolute = 4; a.Only only = 5; oneof o { Foo Only = 6; } Kind kind = 7; }
          enum Kind { K = 0; }`,
      },
      (folder) => loadDescriptors({ paths: [folder] }),
    );
    const type = root.lookupType('a.b.Outer');
    const types = type.fieldsArray.map((field) => [field.name, field.resolvedType?.fullName]);
    expect(types).toEqual([
      ['foo', '.a.Foo'],
      ['deep', '.a.b.Outer.Inner.Foo'],
      ['map', '.a.Foo'],
      ['absolute', '.a.Foo'],
      ['only', '.a.Only'],
      ['Only', '.a.Foo'],
      ['kind', '.a.b.Kind'],
    ]);
    expect(root.lookupType('a.b.Outer.Inner').fields.mine?.resolvedType?.fullName).toBe('.a.b.Outer.Inner.Foo');
  });

  test.each([
    ['message R { Nope a = 1; }', 'test.R.a: type "Nope" is not defined'],
    ['message R { map<string, x.Nope> a = 1; }', 'test.R.a: type "x.Nope" is not defined'],
    ['message R { oneof o { .Nope a = 1; } }', 'test.R.a: type ".Nope" is not defined'],
    ['message R {} service S { rpc M(Nope) returns (R); }', 'test.S.M: type "Nope" is not defined'],
    [
      'message R {} service S { rpc M(R) returns (stream google.protobuf.Empty); }',
      'test.S.M: type "google.protobuf.Empty" is not defined',
    ],
    ['message R {} extend R { Nope a = 100; }', 'test.a: type "Nope" is not defined'],
  ])('that are not there: %s', async (text, why) => {
    await inFolderWith({ 'x.proto': `syntax = "proto3"; package test; ${text}` }, async (folder) => {
      const loading = loadDescriptors({ paths: [folder] });
      await expect(loading).rejects.toThrow(UsageError);
      await expect(loading).rejects.toThrow(`${join(folder, 'x.proto')}: ${why}`);
    });
  });
});

const SERVICE = `service S { rpc M(lib.Thing) returns (lib.Thing); }`;
const LIBRARY = 'syntax = "proto3"; package lib; message Thing { string a = 1; }';

describe('files and imports', () => {
  test.each<[string, Record<string, string>, string[], string[]]>([
    [
      'a file whose imports are relative to a folder above it',
      {
        'root/lib/v1/thing.proto': LIBRARY,
        'root/svc/v1/s.proto': `syntax = "proto3"; import "lib/v1/thing.proto"; ${SERVICE}`,
      },
      ['root/svc/v1/s.proto'],
      [],
    ],
    [
      'a file beside its import',
      { 'thing.proto': LIBRARY, 's.proto': `syntax = "proto3"; import "thing.proto"; ${SERVICE}` },
      ['s.proto'],
      [],
    ],
    [
      'a folder',
      { 'root/lib/thing.proto': LIBRARY, 'root/s.proto': `syntax = "proto3"; import "lib/thing.proto"; ${SERVICE}` },
      ['root'],
      [],
    ],
    [
      'a folder below the package root',
      {
        'root/lib/thing.proto': LIBRARY,
        'root/svc/s.proto': `syntax = "proto3"; import "lib/thing.proto"; ${SERVICE}`,
      },
      ['root/svc'],
      [],
    ],
    [
      'an include path',
      {
        'elsewhere/lib/thing.proto': LIBRARY,
        'svc/s.proto': `syntax = "proto3"; import "lib/thing.proto"; ${SERVICE}`,
      },
      ['svc'],
      ['elsewhere'],
    ],
    [
      'two folders, one importing from the other',
      { 'one/thing.proto': LIBRARY, 'two/s.proto': `syntax = "proto3"; import "thing.proto"; ${SERVICE}` },
      ['two', 'one'],
      [],
    ],
    [
      'a file twice, by itself and in its folder',
      { 'root/thing.proto': LIBRARY, 'root/s.proto': `syntax = "proto3"; import "thing.proto"; ${SERVICE}` },
      ['root/s.proto', 'root'],
      [],
    ],
    [
      'a public and a weak import',
      {
        'root/thing.proto': LIBRARY,
        'root/p.proto': 'syntax = "proto3"; import public "thing.proto"; import weak "not/there.proto";',
        'root/s.proto': `syntax = "proto3"; import "p.proto"; ${SERVICE}`,
      },
      ['root/s.proto'],
      [],
    ],
    [
      'imports that go round',
      {
        'thing.proto': `${LIBRARY} import "s.proto";`,
        's.proto': `syntax = "proto3"; import "thing.proto"; ${SERVICE}`,
      },
      ['s.proto'],
      [],
    ],
    [
      'a byte order mark',
      { 'thing.proto': LIBRARY, 's.proto': `\ufeffsyntax = "proto3"; import "thing.proto"; ${SERVICE}` },
      ['s.proto'],
      [],
    ],
    [
      'the same file in two trees',
      {
        'one/thing.proto': LIBRARY,
        'two/thing.proto': LIBRARY,
        'two/s.proto': `syntax = "proto3"; import "thing.proto"; ${SERVICE}`,
      },
      ['one', 'two'],
      [],
    ],
    [
      'proto2 and editions',
      {
        'thing.proto': 'edition = "2023"; package lib; message Thing { string a = 1; }',
        's.proto': `syntax = "proto2"; import "thing.proto"; ${SERVICE}`,
      },
      ['.'],
      [],
    ],
    [
      'node_modules are left alone',
      {
        'root/node_modules/bad.proto': 'nonsense',
        'root/thing.proto': LIBRARY,
        'root/s.proto': `syntax = "proto3"; import "thing.proto"; ${SERVICE}`,
      },
      ['root'],
      [],
    ],
  ])('%s', async (_, files, paths, includes) => {
    await inFolderWith(files, async (folder) => {
      const inFolder = (names: string[]): string[] => names.map((name) => join(folder, name));
      const { services } = await loadDescriptors({ paths: inFolder(paths), includePaths: inFolder(includes) });
      expect(services.map(({ name }) => name)).toEqual(['S']);
    });
  });

  test('only services of the files that were asked for are served, not those they import', async () => {
    const files = {
      'other.proto': 'syntax = "proto3"; package o; message R {} service Other { rpc M(R) returns (R); }',
      's.proto': 'syntax = "proto3"; package s; import "other.proto"; service Mine { rpc M(o.R) returns (o.R); }',
    };
    await inFolderWith(files, async (folder) => {
      const { services } = await loadDescriptors({ paths: [join(folder, 's.proto')] });
      expect(services.map(({ name }) => name)).toEqual(['s.Mine']);
    });
  });

  test('a tree with its own copies of google/api and google/protobuf, used together with ours', async () => {
    const http = 'syntax = "proto3"; package google.api; message HttpRule { string get = 2; }';
    const annotations =
      'syntax = "proto3"; package google.api; import "google/api/http.proto"; import "google/protobuf/descriptor.proto"; extend google.protobuf.MethodOptions { HttpRule http = 72295728; }';
    const service = `syntax = "proto3"; package s; ${ANNOTATED} ${EMPTY} import "passband/v1/stream_options.proto"; import "google/api/httpbody.proto";
      service S { rpc M(google.protobuf.Empty) returns (google.api.HttpBody) { option (google.api.http) = { get: "/x" }; } }`;
    const files = {
      'p/google/api/http.proto': http,
      'p/google/api/annotations.proto': annotations,
      'p/google/protobuf/empty.proto': 'syntax = "proto3"; package google.protobuf; message Empty {}',
      'p/s/s.proto': service,
    };
    await inFolderWith(files, async (folder) => {
      for (const path of ['p', 'p/s', 'p/s/s.proto']) {
        expect(bindings(await loadDescriptors({ paths: [join(folder, path)] }))).toEqual(['s.S/M GET /x']);
      }
    });
  });

  test('each tree sees its own files first', async () => {
    const files = {
      'one/types.proto': 'syntax = "proto3"; package one; message R {}',
      'one/a.proto': 'syntax = "proto3"; package one; import "types.proto"; service A { rpc M(R) returns (R); }',
      'two/types.proto': 'syntax = "proto3"; package two; message R {}',
      'two/b.proto': 'syntax = "proto3"; package two; import "types.proto"; service B { rpc M(R) returns (R); }',
    };
    await inFolderWith(files, async (folder) => {
      const { services } = await loadDescriptors({ paths: [join(folder, 'one'), join(folder, 'two')] });
      expect(services.map(({ name }) => name)).toEqual(['one.A', 'two.B']);
    });
  });

  test.each<[string, Record<string, string>, string, RegExp]>([
    ['a path that is not there', {}, 'nope', /nope: no such file or folder$/],
    ['a folder without protos', { 'docs/readme.md': '' }, 'docs', /^no \.proto file in .*docs$/],
    [
      'an import that is not there',
      { 's.proto': 'syntax = "proto3";\nimport "lib/x.proto";' },
      's.proto',
      /s\.proto: import "lib\/x\.proto" was not found in .*--proto-path/,
    ],
    [
      'an import of an import that is not there',
      { 's.proto': 'import "t.proto";', 't.proto': 'import "gone.proto";' },
      's.proto',
      /t\.proto: import "gone\.proto" was not found/,
    ],
    [
      'an absolute import',
      { 's.proto': 'import "/etc/hosts";' },
      's.proto',
      /s\.proto: import "\/etc\/hosts" must be a plain path/,
    ],
    [
      'an import that climbs',
      { 'p/s.proto': 'import "../t.proto";', 't.proto': '' },
      'p/s.proto',
      /import "\.\.\/t\.proto" must be a plain path/,
    ],
    [
      'a syntax error',
      { 's.proto': 'syntax = "proto3";\n\nmessage R {\n  string a = ;\n}' },
      's.proto',
      /s\.proto:4: illegal id ';'/,
    ],
    [
      'a missing semicolon',
      { 's.proto': 'syntax = "proto3";\nmessage R { string a = 1 }' },
      's.proto',
      /s\.proto:2: .*';' expected/,
    ],
    ['an unfinished message', { 's.proto': 'syntax = "proto3";\nmessage R {' }, 's.proto', /s\.proto(:\d)?: /],
    ['an unfinished string', { 's.proto': 'syntax = "proto3";\nimport "x' }, 's.proto', /s\.proto:2: illegal string/],
    ['an unknown edition', { 's.proto': 'edition = "1999";' }, 's.proto', /s\.proto:1: illegal edition '1999'/],
    ['proto4', { 's.proto': 'syntax = "proto4";' }, 's.proto', /s\.proto: unknown syntax "proto4"/],
    ['a name twice in a file', { 's.proto': 'message R {} message R {}' }, 's.proto', /s\.proto: duplicate name 'R'/],
    [
      'a name twice in two files',
      { 'p/a.proto': 'message R {}', 'p/b.proto': 'enum R { A = 0; }' },
      'p',
      /b\.proto: duplicate name 'R'/,
    ],
    [
      'a field number twice',
      { 's.proto': 'syntax = "proto3"; message R { string a = 1; string b = 1; }' },
      's.proto',
      /s\.proto: duplicate id 1/,
    ],
    [
      'an extension of nothing',
      { 's.proto': 'syntax = "proto2"; extend Nope { optional string a = 1; }' },
      's.proto',
      /unresolvable extensions: 'extend Nope'/,
    ],
  ])('refused: %s', async (_, files, path, why) => {
    await inFolderWith(files, async (folder) => {
      const loading = loadDescriptors({ paths: [join(folder, path)] });
      await expect(loading).rejects.toThrow(UsageError);
      await expect(loading).rejects.toThrow(why);
    });
  });

  test('refused: bytes that are no text, and folders without end', async () => {
    await inFolderWith({}, async (folder) => {
      writeFileSync(join(folder, 's.proto'), Buffer.from([0xff, 0xfe, 0x00]));
      await expect(loadDescriptors({ paths: [folder] })).rejects.toThrow(/s\.proto: cannot be read as UTF-8/);
    });
    await inFolderWith({}, async (folder) => {
      mkdirSync(join(folder, ...Array.from({ length: 40 }, () => 'd')), { recursive: true });
      await expect(loadDescriptors({ paths: [folder] })).rejects.toThrow('folders nest deeper than 32');
    });
  });

  test('one failure leaves nothing behind that the next load would see', async () => {
    await expect(describeProto('syntax = "proto3"; message {')).rejects.toThrow(UsageError);
    await expect(
      describeProto(`syntax = "proto3"; package p; message R {} service S { rpc M(R) returns (R); }`),
    ).resolves.toBeDefined();
  });
});

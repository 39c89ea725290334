import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PassbandError } from '../../../src/errors.ts';
import { parseJson } from '../../../src/gateway/routes/json-text.ts';
import { printMessage } from '../../../src/gateway/routes/message-to-json.ts';
import { parseRequestTarget } from '../../../src/gateway/routes/path.ts';
import { type BoundRequest, bindRequest, type RequestBinder } from '../../../src/gateway/routes/request.ts';
import { buildRouteTable, type Route, type RouteTable } from '../../../src/gateway/routes/table.ts';
import { describeProto, serviceProto } from '../../support/protos.ts';

const METHODS = [
  'rpc Get(Request) returns (Request) { option (google.api.http) = { get: "/get/{id}" }; }',
  'rpc Typed(Request) returns (Request) { option (google.api.http) = { get: "/typed/{n}/{flag}/{colour}/{data}/{big}/{ratio}" }; }',
  'rpc Times(Request) returns (Request) { option (google.api.http) = { get: "/times/{time}/{span}/{count}" }; }',
  'rpc Deep(Request) returns (Request) { option (google.api.http) = { get: "/deep/{book.author.name=people/*}" }; }',
  'rpc Whole(Request) returns (Request) { option (google.api.http) = { post: "/whole/{id}" body: "*" }; }',
  'rpc WholeDeep(Request) returns (Request) { option (google.api.http) = { post: "/whole-deep/{book.author.name}/{n}/{data}/{time}" body: "*" }; }',
  'rpc Any(Request) returns (Request) { option (google.api.http) = { post: "/any/{tag}" body: "*" }; }',
  'rpc Update(Request) returns (Request) { option (google.api.http) = { patch: "/update/{book.name}" body: "book" }; }',
  'rpc List(Request) returns (Request) { option (google.api.http) = { put: "/list/{id}" body: "many" }; }',
  'rpc Map(Request) returns (Request) { option (google.api.http) = { put: "/map/{id}" body: "books" }; }',
  'rpc Scalar(Request) returns (Request) { option (google.api.http) = { put: "/scalar/{id}" body: "n" }; }',
  'rpc Value(Request) returns (Request) { option (google.api.http) = { put: "/value/{id}" body: "value" }; }',
  'rpc Raw(google.api.HttpBody) returns (Request) { option (google.api.http) = { post: "/raw" body: "*" }; }',
  'rpc RawField(Request) returns (Request) { option (google.api.http) = { post: "/raw-field/{id}" body: "raw" }; }',
  'rpc Struct(google.protobuf.Struct) returns (Request) { option (google.api.http) = { post: "/struct" body: "*" }; }',
  'rpc Nothing(google.protobuf.Empty) returns (google.protobuf.Empty) { option (google.api.http) = { post: "/nothing" body: "*" }; }',
  'rpc Rest(Request) returns (Request) { option (google.api.http) = { post: "/rest/{id=**}" body: "*" }; }',
];

const MESSAGES = `
import "google/api/httpbody.proto"; import "google/protobuf/empty.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
import "google/protobuf/duration.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
message Request {
  string id = 1; int32 n = 2; bool flag = 3; Colour colour = 4; bytes data = 5; uint64 big = 6; double ratio = 7;
  Book book = 8; repeated string many = 9; repeated int64 numbers = 10; map<string, Book> books = 11; repeated Book shelf = 12;
  google.protobuf.Timestamp time = 13; google.protobuf.Duration span = 14; google.protobuf.Int64Value count = 15;
  google.protobuf.Value value = 16; google.api.HttpBody raw = 17; google.protobuf.FieldMask mask = 18;
  optional string maybe = 19; google.protobuf.Struct struct = 20; string snake_case = 21; string overflow = 22; repeated Colour colours = 23;
  repeated google.protobuf.Timestamp times = 24; string fancy = 25 [json_name = "fancy-name"]; google.protobuf.StringValue text = 26;
  oneof choice { string tag = 31; int32 code = 32; Book novel = 33; google.protobuf.Timestamp when = 34; bytes blob = 35; }
}
message Book { string name = 1; Author author = 2; int32 pages = 3; Book sequel = 4; }
message Author { string name = 1; string born = 2; }
enum Colour { NONE = 0; RED = 1; BLUE = -2; }`;

const CONTROLS = new Set(['overflow', 'lastEventId']);

let table: RouteTable;

beforeAll(async () => {
  table = buildRouteTable(await describeProto(serviceProto(METHODS.join('\n'), MESSAGES)));
});

function bind(request: string): { route: Route; binder: RequestBinder } {
  const [method = '', target = ''] = request.split(' ');
  const { segments, query } = parseRequestTarget(target);
  const match = table.match(method, segments);
  if (match.kind !== 'route') throw new Error(`no route for ${request}`);
  return { route: match.route, binder: bindRequest(match.route, match.segments, query, CONTROLS) };
}

/** The message a request becomes, read back from its wire form. */
function bound(request: string, body?: string): string {
  const { route, binder } = bind(request);
  const { bytes } = body === undefined ? binder.fromNothing() : binder.fromJson(parseJson(body));
  return printMessage(route.request, bytes);
}

describe('binds', () => {
  test.each<[string, string | undefined, string]>([
    // Path and query by type.
    ['GET /get/x', undefined, '{"id":"x"}'],
    ['GET /get/x?', undefined, '{"id":"x"}'],
    ['GET /get/x?&&n=1&', undefined, '{"id":"x","n":1}'],
    [
      'GET /typed/-5/true/BLUE/-_8/18446744073709551615/NaN',
      undefined,
      '{"n":-5,"flag":true,"colour":"BLUE","data":"+/8=","big":"18446744073709551615","ratio":"NaN"}',
    ],
    ['GET /typed/0/false/1/%2B%2F8%3D/0/-Infinity', undefined, '{"colour":"RED","data":"+/8=","ratio":"-Infinity"}'],
    [
      'GET /times/2026-01-01T00:00:00Z/1.5s/7',
      undefined,
      '{"time":"2026-01-01T00:00:00Z","span":"1.500s","count":"7"}',
    ],
    ['GET /deep/people/a%2Fb', undefined, '{"book":{"author":{"name":"people/a%2Fb"}}}'],
    [
      'GET /get/x?n=1&flag=true&colour=RED&data=AA%3D%3D&big=1&ratio=1e3',
      undefined,
      '{"id":"x","n":1,"flag":true,"colour":"RED","data":"AA==","big":"1","ratio":1000}',
    ],
    [
      'GET /get/x?colour=-2&colours=RED&colours=0&colours=5',
      undefined,
      '{"id":"x","colour":"BLUE","colours":["RED","NONE",5]}',
    ],
    ['GET /get/x?data=AA==', undefined, '{"id":"x","data":"AA=="}'],
    [
      'GET /get/x?many=a&numbers=1&many=b,c&many=&numbers=-2',
      undefined,
      '{"id":"x","many":["a","b,c",""],"numbers":["1","-2"]}',
    ],
    ['GET /get/x?snake_case=1', undefined, '{"id":"x","snakeCase":"1"}'],
    ['GET /get/x?snakeCase=a+b%2Bc%26d=e', undefined, '{"id":"x","snakeCase":"a b+c&d=e"}'],
    ['GET /get/x?fancy-name=1', undefined, '{"id":"x","fancy-name":"1"}'],
    ['GET /get/x?fancy=1', undefined, '{"id":"x","fancy-name":"1"}'],
    ['GET /get/x?snake_case', undefined, '{"id":"x"}'],
    ['GET /get/x?maybe=', undefined, '{"id":"x","maybe":""}'],
    ['GET /get/x?%6e=1', undefined, '{"id":"x","n":1}'],
    ['GET /get/x?snake_case=%00%C3%A9', undefined, '{"id":"x","snakeCase":"\\u0000é"}'],
    // Nested by dots.
    [
      'GET /get/x?book.name=a&book.author.born=1900&book.sequel.sequel.pages=3',
      undefined,
      '{"id":"x","book":{"name":"a","author":{"born":"1900"},"sequel":{"sequel":{"pages":3}}}}',
    ],
    ['GET /get/x?book.pages=0', undefined, '{"id":"x","book":{}}'],
    [
      'GET /deep/people/a?book.author.born=1900&book.name=b',
      undefined,
      '{"book":{"name":"b","author":{"name":"people/a","born":"1900"}}}',
    ],
    // Well-known types.
    [
      'GET /get/x?time=2026-01-01T01:00:00%2B01:00&span=-1s&mask=a,bC.d&count=7&text=',
      undefined,
      '{"id":"x","time":"2026-01-01T00:00:00Z","span":"-1s","count":"7","mask":"a,bC.d","text":""}',
    ],
    [
      'GET /get/x?times=1970-01-01T00:00:00Z&times=1970-01-01T00:00:01Z',
      undefined,
      '{"id":"x","times":["1970-01-01T00:00:00Z","1970-01-01T00:00:01Z"]}',
    ],
    [
      'GET /get/x?time.seconds=5&span.nanos=1000000&count.value=3&mask.paths=a_b&mask.paths=c',
      undefined,
      '{"id":"x","time":"1970-01-01T00:00:05Z","span":"0.001s","count":"3","mask":"aB,c"}',
    ],
    ['GET /get/x?value.string_value=v', undefined, '{"id":"x","value":"v"}'],
    ['GET /get/x?value.boolValue=true', undefined, '{"id":"x","value":true}'],
    // Oneofs.
    ['GET /get/x?tag=a', undefined, '{"id":"x","tag":"a"}'],
    ['GET /get/x?novel.name=a&novel.pages=2', undefined, '{"id":"x","novel":{"name":"a","pages":2}}'],
    ['GET /get/x?code=0', undefined, '{"id":"x","code":0}'],
    // Body "*": the path wins a field that the body leaves, repeats, or cannot tell from unset.
    ['POST /whole/x', undefined, '{"id":"x"}'],
    ['POST /whole/x', '{}', '{"id":"x"}'],
    [
      'POST /whole/x',
      '{"n":1,"book":{"name":"b"},"shelf":[{"pages":1}],"books":{"k":{}}}',
      '{"id":"x","n":1,"book":{"name":"b"},"books":{"k":{}},"shelf":[{"pages":1}]}',
    ],
    ['POST /whole/x', '{"id":"x"}', '{"id":"x"}'],
    ['POST /whole/x', '{"id":""}', '{"id":"x"}'],
    [
      'POST /whole-deep/a/0/AAA=/1970-01-01T00:00:00Z',
      '{"book":{"name":"b","author":{"born":"1"}},"n":0,"data":"AAA","time":"1970-01-01T01:00:00+01:00"}',
      '{"data":"AAA=","book":{"name":"b","author":{"name":"a","born":"1"}},"time":"1970-01-01T00:00:00Z"}',
    ],
    ['POST /rest', '{"n":1}', '{"n":1}'],
    ['POST /rest/a/b', '{"n":1}', '{"id":"a/b","n":1}'],
    ['POST /any/t', '{"code":null}', '{"tag":"t"}'],
    // Body field: the rest is path and query.
    ['PATCH /update/b?n=1', '{"pages":3}', '{"n":1,"book":{"name":"b","pages":3}}'],
    ['PATCH /update/b', '{"name":"b"}', '{"book":{"name":"b"}}'],
    ['PATCH /update/b', 'null', '{"book":{"name":"b"}}'],
    ['PATCH /update/b', undefined, '{"book":{"name":"b"}}'],
    ['PUT /list/x?n=1', '["a","b"]', '{"id":"x","n":1,"many":["a","b"]}'],
    ['PUT /map/x', '{"a":{"pages":1}}', '{"id":"x","books":{"a":{"pages":1}}}'],
    ['PUT /scalar/x', '7', '{"id":"x","n":7}'],
    ['PUT /value/x', 'null', '{"id":"x","value":null}'],
    ['PUT /value/x', '[1,{"a":null}]', '{"id":"x","value":[1,{"a":null}]}'],
    ['POST /struct', '{"a":[null]}', '{"a":[null]}'],
    ['POST /nothing', '{}', '{}'],
    ['POST /nothing', undefined, '{}'],
  ])('%s %s', (request, body, expected) => {
    expect(bound(request, body)).toBe(expected);
  });

  test('the message that is decided on and the bytes that are sent are the same', () => {
    const { route, binder } = bind('PATCH /update/b?n=1&tag=t');
    const { message, bytes } = binder.fromJson(parseJson('{"pages":3}'));
    expect(message).toEqual({ n: 1, tag: 't', book: { name: 'b', pages: 3 } });
    expect(printMessage(route.request, bytes)).toBe('{"n":1,"book":{"name":"b","pages":3},"tag":"t"}');
  });

  test('a client stream binds the URL to each of its messages', () => {
    const { route, binder } = bind('POST /whole/x');
    const texts = ['{"n":1}', '{"n":2}'].map((text) =>
      printMessage(route.request, binder.fromJson(parseJson(text)).bytes),
    );
    expect(texts).toEqual(['{"id":"x","n":1}', '{"id":"x","n":2}']);
  });

  test("the gateway's own parameters, unless the request has such a field to bind", () => {
    expect(bind('GET /get/x?lastEventId=7&n=1').binder.controls).toEqual(new Map([['lastEventId', '7']]));
    // This request message has a field "overflow".
    expect(bind('GET /get/x?overflow=latest').binder.controls).toEqual(new Map());
    expect(bound('GET /get/x?overflow=latest')).toBe('{"id":"x","overflow":"latest"}');
    expect(bind('POST /whole/x?overflow=latest').binder.controls).toEqual(new Map([['overflow', 'latest']]));
    expect(() => bind('GET /get/x?lastEventId=7&lastEventId=8')).toThrow('lastEventId: is given more than once');
  });

  test('the resume position over what the URL says of it', () => {
    const { route, binder } = bind('GET /get/x?big=5');
    binder.resumeAfter('big', '9');
    expect(printMessage(route.request, binder.fromNothing().bytes)).toBe('{"id":"x","big":"9"}');
    expect(() => binder.resumeAfter('big', 'x')).toThrow('Last-Event-ID: must be a whole number');
  });
});

describe('refuses', () => {
  test.each<[string, string | undefined, string]>([
    ['GET /typed/1.5/true/RED/AA/1/1', undefined, 'n: must be a whole number of type int32'],
    ['GET /typed/2147483648/true/RED/AA/1/1', undefined, 'n: must be from'],
    ['GET /typed/1/1/RED/AA/1/1', undefined, 'flag: must be true or false'],
    ['GET /typed/1/TRUE/RED/AA/1/1', undefined, 'flag: must be true or false'],
    ['GET /typed/1/true/red/AA/1/1', undefined, 'colour: must be one of NONE, RED, BLUE'],
    ['GET /typed/1/true/RED/*/1/1', undefined, 'data: must be base64'],
    ['GET /typed/1/true/RED/AA/-1/1', undefined, 'big: must be from 0'],
    ['GET /typed/1/true/RED/AA/18446744073709551616/1', undefined, 'big: must be from 0'],
    ['GET /typed/1/true/RED/AA/1/1e309', undefined, 'ratio: is out of the range'],
    ['GET /typed/1/true/RED/AA/1/inf', undefined, 'ratio: must be a number'],
    ['GET /times/yesterday/1s/1', undefined, 'time: must be an RFC 3339 time'],
    ['GET /times/2026-01-01T00:00:00Z/1/1', undefined, 'span: must be seconds'],
    ['GET /times/2026-01-01T00:00:00Z/1s/x', undefined, 'count: must be a whole number'],
    ['GET /get/x?nope=1', undefined, 'nope: is no query parameter of this call'],
    ['GET /get/x?=1', undefined, 'is no query parameter'],
    ['GET /get/x?__proto__=1', undefined, '__proto__: is no query parameter'],
    ['GET /get/x?constructor.name=1', undefined, 'constructor.name: is no query parameter'],
    ['GET /get/x?N=1', undefined, 'N: is no query parameter'],
    ['GET /get/x?book.nope=1', undefined, 'book.nope: is no query parameter'],
    ['GET /get/x?book.=1', undefined, 'book.: is no query parameter'],
    ['GET /get/x?.n=1', undefined, '.n: is no query parameter'],
    ['GET /get/x?n.x=1', undefined, 'n.x: is no query parameter'],
    ['GET /get/x?shelf.name=1', undefined, 'shelf.name: is no query parameter'],
    ['GET /get/x?books.a.name=1', undefined, 'books.a.name: is no query parameter'],
    ['GET /get/x?books=1', undefined, 'books: is a map'],
    ['GET /get/x?shelf=1', undefined, 'shelf: is a list of messages'],
    ['GET /get/x?book=1', undefined, 'book: is a message; name one of its fields'],
    ['GET /get/x?struct.fields=1', undefined, 'struct.fields: is a map'],
    ['GET /get/x?n=1&n=1', undefined, 'n: is given more than once'],
    ['GET /get/x?snake_case=1&snakeCase=1', undefined, 'is given more than once'],
    ['GET /get/x?n', undefined, 'n: must be a whole number'],
    ['GET /get/x?n=', undefined, 'n: must be a whole number'],
    ['GET /get/x?n=+1', undefined, 'n: must be a whole number'],
    ['GET /get/x?flag=', undefined, 'flag: must be true or false'],
    ['GET /get/x?data=+/8=', undefined, 'data: must be base64'],
    ['GET /get/x?numbers=1&numbers=x', undefined, 'numbers: must be a whole number'],
    ['GET /get/x?snake_case=%', undefined, 'malformed percent-encoding'],
    ['GET /get/x?%zz=1', undefined, 'malformed percent-encoding'],
    ['GET /get/x?snake_case=%ff', undefined, 'not UTF-8'],
    ['GET /get/x?snake_case=%ED%A0%80', undefined, 'not UTF-8'],
    // What the path has is not the query's.
    ['GET /get/x?id=x', undefined, 'id: is given in the path already'],
    ['GET /deep/people/a?book.author.name=b', undefined, 'is given in the path already'],
    ['GET /times/2026-01-01T00:00:00Z/1s/1?time.seconds=5', undefined, 'time.seconds: is given in the path already'],
    ['GET /get/x?time=2026-01-01T00:00:00Z&time.seconds=5', undefined, 'time.seconds: is given more than once'],
    ['GET /get/x?time.seconds=5&time=2026-01-01T00:00:00Z', undefined, 'time: is given more than once'],
    ['GET /get/x?count=1&count.value=1', undefined, 'is given more than once'],
    // Where the body has it, it is not the query's either.
    ['POST /whole/x?n=1', '{}', 'n: is no query parameter'],
    ['PATCH /update/b?book.pages=1', '{}', 'book.pages: is no query parameter'],
    ['PUT /list/x?many=a', '[]', 'many: is no query parameter'],
    // Oneofs across path, query and body.
    ['GET /get/x?tag=a&code=1', undefined, 'code: excludes "tag"; give one of the two (oneof choice)'],
    ['GET /get/x?novel.name=a&code=1', undefined, 'give one of the two'],
    ['GET /get/x?when=2026-01-01T00:00:00Z&novel.pages=1', undefined, 'give one of the two'],
    ['POST /any/t', '{"code":1}', 'tag: excludes "code"; give one of the two'],
    ['POST /any/t', '{"novel":{}}', 'tag: excludes "novel"; give one of the two'],
    // A body that contradicts the path.
    ['POST /whole/x', '{"id":"y"}', 'id: is given in the path; the body says something else'],
    ['POST /any/t', '{"tag":""}', 'tag: is given in the path; the body says something else'],
    ['POST /whole-deep/a/1/AAA=/1970-01-01T00:00:00Z', '{"n":2}', 'n: is given in the path'],
    ['POST /whole-deep/a/0/AAA=/1970-01-01T00:00:00Z', '{"n":2}', 'n: is given in the path'],
    [
      'POST /whole-deep/a/1/AAA=/1970-01-01T00:00:00Z',
      '{"book":{"author":{"name":"b"}}}',
      'book.author.name: is given in the path',
    ],
    ['POST /whole-deep/a/1/AAA=/1970-01-01T00:00:00Z', '{"data":"AAE="}', 'data: is given in the path'],
    ['POST /whole-deep/a/1/AAA=/1970-01-01T00:00:00Z', '{"time":"1970-01-01T00:00:01Z"}', 'time: is given in the path'],
    ['PATCH /update/b', '{"name":"c"}', 'book.name: is given in the path'],
    // Bodies of the wrong form.
    ['POST /whole/x', '[]', 'body: must be an object'],
    ['POST /whole/x', 'null', 'body: must be an object'],
    ['PATCH /update/b', '[]', 'body: must be an object'],
    ['PATCH /update/b', '{"nope":1}', 'nope: test.Book has no such field'],
    ['PUT /list/x', '{}', 'body: must be an array'],
    ['PUT /list/x', '["a",1]', 'body[1]: must be a string'],
    ['PUT /map/x', '[]', 'body: must be an object'],
    ['PUT /scalar/x', '"x"', 'body: must be a whole number'],
    ['POST /nothing', '{"a":1}', 'a: google.protobuf.Empty has no such field'],
    ['POST /struct', '[]', 'body: must be an object'],
  ])('%s %s', (request, body, why) => {
    expect(() => bound(request, body)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', status: 400 }));
    expect(() => bound(request, body)).toThrow(why);
  });

  test('more parameters than anyone writes, and names that go deeper than any message', () => {
    expect(bound(`GET /get/x?${'many=a&'.repeat(256)}`)).toContain('"many":["a",');
    expect(() => bound(`GET /get/x?${'many=a&'.repeat(257)}`)).toThrow('more than 256 parameters');
    expect(() => bound(`GET /get/x?book.${'sequel.'.repeat(40)}pages=1`)).toThrow('is no query parameter');
  });

  test('names the field for programs too', () => {
    expect(() => bound('GET /get/x?n=z')).toThrow(
      expect.objectContaining({
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.BadRequest',
            fieldViolations: [{ field: 'n', description: 'must be a whole number of type int32' }],
          },
        ],
      }),
    );
  });
});

describe('raw bodies', () => {
  const raw = { contentType: 'image/png', data: Buffer.from([1, 2, 255]) };

  test.each([
    ['POST /raw', '{"contentType":"image/png","data":"AQL/"}'],
    ['POST /raw-field/x?n=1', '{"id":"x","n":1,"raw":{"contentType":"image/png","data":"AQL/"}}'],
  ])('%s', (request, expected) => {
    const { route, binder } = bind(request);
    expect(binder.rawBody).toBe(true);
    expect(printMessage(route.request, binder.fromRaw(raw).bytes)).toBe(expected);
  });

  test.each(['POST /whole/x', 'GET /get/x', 'PATCH /update/b', 'PUT /map/x'])('not for %s', (request) => {
    expect(bind(request).binder.rawBody).toBe(false);
  });
});

test('any URL and JSON body bind or are refused with a PassbandError', () => {
  const name = fc.constantFrom(
    'n',
    'id',
    'book',
    'book.name',
    'tag',
    'code',
    'time',
    'many',
    'books',
    'nope',
    'time.seconds',
    'overflow',
    '%6e',
    '%',
  );
  const value = fc.constantFrom('', '1', 'x', '%00', '%ff', '+', 'RED', '2026-01-01T00:00:00Z', 'a=b');
  const query = fc
    .array(
      fc.tuple(name, value).map((pair) => pair.join('=')),
      { maxLength: 4 },
    )
    .map((all) => all.join('&'));
  const path = fc.constantFrom(
    'GET /get/x',
    'POST /whole/x',
    'PATCH /update/x',
    'PUT /list/x',
    'POST /any/t',
    'POST /struct',
  );
  const body = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.dictionary(fc.constantFrom('id', 'n', 'tag', 'code', 'book', 'name'), fc.constantFrom('x', 't', 1, {}, null)),
  );
  fc.assert(
    fc.property(path, query, fc.option(body, { nil: undefined }), (request, parameters, json) => {
      let result: BoundRequest;
      const { route } = bind(request);
      try {
        const { binder } = bind(`${request}?${parameters}`);
        result = json === undefined ? binder.fromNothing() : binder.fromJson(parseJson(JSON.stringify(json)));
      } catch (error) {
        expect(error).toBeInstanceOf(PassbandError);
        return;
      }
      expect(JSON.parse(printMessage(route.request, result.bytes))).toBeInstanceOf(Object);
    }),
    { numRuns: 1000 },
  );
});

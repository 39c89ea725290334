import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Descriptors } from '../../../src/descriptors.ts';
import { UsageError } from '../../../src/errors.ts';
import { parseRequestTarget } from '../../../src/gateway/routes/path.ts';
import { bindRequest } from '../../../src/gateway/routes/request.ts';
import { buildRouteTable, type RouteTable } from '../../../src/gateway/routes/table.ts';
import { describeProto, serviceProto } from '../../support/protos.ts';

const MESSAGES = `
message Request { string a = 1; string b = 2; Inner inner = 3; repeated string many = 4; map<string, string> map = 5; int32 n = 6;
  oneof one { string x = 7; string y = 8; } Inner.Deep deep = 9; Book book = 10; }
message Inner { string c = 1; message Deep { string d = 1; } Deep deep = 2; }
message Book { string name = 1; }
message Response { string text = 1; }`;

/** A table of methods M0, M1, … with these bindings, such as "GET /v1/{a}" or "LIST* /x" for a custom one. */
async function tableOf(bindings: readonly string[]): Promise<RouteTable> {
  return buildRouteTable(await describeBindings(bindings));
}

function describeBindings(bindings: readonly string[]): Promise<Descriptors> {
  const methods = bindings.map((binding, index) => {
    const [method = '', path = '', body] = binding.split(' ');
    const verb = method.toLowerCase();
    const pattern = ['get', 'put', 'post', 'delete', 'patch'].includes(verb)
      ? `${verb}: "${path}"`
      : `custom: { kind: "${method}" path: "${path}" }`;
    const rule = `${pattern}${body === undefined ? '' : ` body: "${body}"`}`;
    return `rpc M${index}(Request) returns (Response) { option (google.api.http) = { ${rule} }; }`;
  });
  return describeProto(serviceProto(methods.join('\n'), MESSAGES));
}

/** What a request leads to: the method and what the path gave, "405 ALLOW", or "404". */
function outcome(table: RouteTable, request: string): string {
  const [method = '', target = ''] = request.split(' ');
  const match = table.match(method, parseRequestTarget(target).segments);
  if (match.kind === 'none') return '404';
  if (match.kind === 'method') return `405 ${match.allow.join(',')}`;
  const { message } = bindRequest(match.route, match.segments, '', new Set()).fromNothing();
  return `${match.route.method.shortName} ${JSON.stringify(message)}`;
}

describe('matching', () => {
  test.each<[string, string[], [string, string][]]>([
    [
      'literals are compared decoded and with their case',
      ['GET /v1/caf%C3%A9', 'GET /v1/a%2Fb'],
      [
        ['GET /v1/caf%c3%a9', 'M0 {}'],
        ['GET /v1/%63af%C3%A9', 'M0 {}'],
        ['GET /v1/Caf%C3%A9', '404'],
        ['GET /V1/caf%C3%A9', '404'],
        ['GET /v1/a%2fb', 'M1 {}'],
        ['GET /v1/a/b', '404'],
      ],
    ],
    [
      'the root',
      ['GET /'],
      [
        ['GET /', 'M0 {}'],
        ['GET /x', '404'],
        ['POST /', '405 GET'],
      ],
    ],
    [
      'a single-segment variable takes one segment, all of it decoded',
      ['GET /v1/{a}'],
      [
        ['GET /v1/x', 'M0 {"a":"x"}'],
        ['GET /v1/x%2Fy', 'M0 {"a":"x/y"}'],
        ['GET /v1/x%2fy', 'M0 {"a":"x/y"}'],
        ['GET /v1/%252F', 'M0 {"a":"%2F"}'],
        ['GET /v1/x;y=z', 'M0 {"a":"x;y=z"}'],
        ['GET /v1/x+y', 'M0 {"a":"x+y"}'],
        ['GET /v1/%2e%2e%2Fx', 'M0 {"a":"../x"}'],
        ['GET /v1/constructor', 'M0 {"a":"constructor"}'],
        ['GET /v1', '404'],
        ['GET /v1/x/y', '404'],
      ],
    ],
    [
      'a multi-segment variable keeps %2F',
      ['GET /v1/{a=x/*}', 'GET /v2/{a=**}'],
      [
        ['GET /v1/x/y', 'M0 {"a":"x/y"}'],
        ['GET /v1/x/y%2Fz%20', 'M0 {"a":"x/y%2Fz "}'],
        ['GET /v1/x/y%2fz', 'M0 {"a":"x/y%2fz"}'],
        ['GET /v1/z/y', '404'],
        ['GET /v1/x', '404'],
        ['GET /v2', 'M1 {"a":""}'],
        ['GET /v2/a', 'M1 {"a":"a"}'],
        ['GET /v2/a/b%2Fc/%3Ad', 'M1 {"a":"a/b%2Fc/:d"}'],
      ],
    ],
    [
      'a literal inside a variable is part of its value',
      ['GET /v1/{a=things}/{b=x/*/y}'],
      [
        ['GET /v1/things/x/1/y', 'M0 {"a":"things","b":"x/1/y"}'],
        ['GET /v1/thing/x/1/y', '404'],
      ],
    ],
    [
      'nested fields',
      ['GET /v1/{inner.c}/{inner.deep.d}/{deep.d}'],
      [['GET /v1/1/2/3', 'M0 {"inner":{"c":"1","deep":{"d":"2"}},"deep":{"d":"3"}}']],
    ],
    [
      'a literal before * before **, segment by segment',
      [
        'GET /v1/{a}',
        'GET /v1/special',
        'GET /v1/{a=**}',
        'GET /v1/{a}/x',
        'GET /v1/special/{a}',
        'GET /v1/special/**',
        'GET /**',
      ],
      [
        ['GET /v1/special', 'M1 {}'],
        ['GET /v1/other', 'M0 {"a":"other"}'],
        ['GET /v1/special/x', 'M4 {"a":"x"}'],
        ['GET /v1/special/x/y', 'M5 {}'],
        ['GET /v1/other/x', 'M3 {"a":"other"}'],
        ['GET /v1/other/y', 'M2 {"a":"other/y"}'],
        ['GET /v1', 'M2 {"a":""}'],
        ['GET /v2', 'M6 {}'],
        ['GET /', 'M6 {}'],
      ],
    ],
    [
      '** of no segments comes after an exact end and after nothing else',
      ['GET /v1/a', 'GET /v1/a/**', 'GET /v1/*'],
      [
        ['GET /v1/a', 'M0 {}'],
        ['GET /v1/a/b', 'M1 {}'],
        ['GET /v1/b', 'M2 {}'],
      ],
    ],
    [
      'a longer literal that leads nowhere falls back',
      ['GET /v1/x/{a}/end', 'GET /v1/{a=**}'],
      [
        ['GET /v1/x/1/end', 'M0 {"a":"1"}'],
        ['GET /v1/x/1/other', 'M1 {"a":"x/1/other"}'],
        ['GET /v1/x/1', 'M1 {"a":"x/1"}'],
      ],
    ],
    [
      'verbs come off the last segment only, after the last colon',
      ['POST /v1/{a}:start', 'POST /v1/{a}', 'POST /v1/{a}/iq:push', 'GET /v1/{a=**}:all'],
      [
        ['POST /v1/x:start', 'M0 {"a":"x"}'],
        ['POST /v1/x:y:start', 'M0 {"a":"x:y"}'],
        ['POST /v1/x:start:stop', 'M1 {"a":"x:start:stop"}'],
        ['POST /v1/x:Start', 'M1 {"a":"x:Start"}'],
        ['POST /v1/x%3Astart', 'M1 {"a":"x:start"}'],
        ['POST /v1/x:%73tart', 'M0 {"a":"x"}'],
        ['POST /v1/x:', 'M1 {"a":"x:"}'],
        ['POST /v1/:start', 'M1 {"a":":start"}'],
        ['POST /v1/x:start/iq:push', 'M2 {"a":"x:start"}'],
        ['POST /v1/x/iq', '404'],
        ['GET /v1:all', 'M3 {"a":""}'],
        ['GET /v1/a/b:all', 'M3 {"a":"a/b"}'],
        ['GET /v1/a/b:c:all', 'M3 {"a":"a/b:c"}'],
        ['GET /v1/:all', '405 POST'],
        ['GET /v1/a/b', '404'],
      ],
    ],
    [
      'a verb after the root',
      ['GET /**:all', 'GET /'],
      [
        ['GET /:all', 'M0 {}'],
        ['GET /a/b:all', 'M0 {}'],
        ['GET /', 'M1 {}'],
      ],
    ],
    [
      'an encoded colon is text, in templates and in requests',
      ['GET /v1/a%3Ab', 'GET /v1/a:b', 'GET /v1/*'],
      [
        ['GET /v1/a%3Ab', 'M0 {}'],
        ['GET /v1/a:b', 'M1 {}'],
        ['GET /v1/a:c', 'M2 {}'],
      ],
    ],
    [
      'a verb loses to a more specific segment',
      ['GET /v1/{a=**}:go', 'GET /v1/{a}'],
      [
        ['GET /v1/x:go', 'M1 {"a":"x:go"}'],
        ['GET /v1/x/y:go', 'M0 {"a":"x/y"}'],
      ],
    ],
    [
      'a timestamp in a path has colons and no verb',
      ['GET /v1/{a}'],
      [['GET /v1/2026-01-01T00:00:00Z', 'M0 {"a":"2026-01-01T00:00:00Z"}']],
    ],
    [
      'another method on a more specific path falls back, else 405 names all',
      ['GET /v1/{a}', 'POST /v1/special', 'DELETE /v1/{a=**}', 'PUT /v2', 'PATCH /v2'],
      [
        ['GET /v1/special', 'M0 {"a":"special"}'],
        ['DELETE /v1/special', 'M2 {"a":"special"}'],
        ['PUT /v1/special', '405 DELETE,GET,POST'],
        ['PUT /v1/other', '405 DELETE,GET'],
        ['GET /v2', '405 PATCH,PUT'],
        ['get /v2', '405 PATCH,PUT'],
      ],
    ],
    [
      'custom methods, and * for any method',
      ['HEAD /v1/{a}', '* /v1/{a}', 'GET /v1/{a}', 'LIST /v2', '* /v3/x', 'GET /v3/{a}'],
      [
        ['HEAD /v1/x', 'M0 {"a":"x"}'],
        ['GET /v1/x', 'M2 {"a":"x"}'],
        ['OPTIONS /v1/x', 'M1 {"a":"x"}'],
        ['LIST /v2', 'M3 {}'],
        ['GET /v2', '405 LIST'],
        ['GET /v3/x', 'M4 {}'],
      ],
    ],
    [
      'names of Object.prototype are no routes',
      ['GET /v1/x'],
      [
        ['GET /v1/constructor', '404'],
        ['GET /__proto__', '404'],
        ['GET /__proto__/x', '404'],
      ],
    ],
  ])('%s', async (_, bindings, requests) => {
    const table = await tableOf(bindings);
    expect(requests.map(([request]) => [request, outcome(table, request)])).toEqual(requests);
  });

  test('one method under several bindings', async () => {
    const methods = `rpc Get(Request) returns (Response) { option (google.api.http) = {
      get: "/v1/messages/{a}" additional_bindings { get: "/v1/users/{b}/messages/{a}" } additional_bindings { post: "/v1/messages:get" body: "*" } }; }`;
    const table = buildRouteTable(await describeProto(serviceProto(methods, MESSAGES)));
    expect(table.routes.map(({ httpMethod, template }) => `${httpMethod} ${template.text}`)).toEqual([
      'GET /v1/messages/{a}',
      'GET /v1/users/{b}/messages/{a}',
      'POST /v1/messages:get',
    ]);
    expect(outcome(table, 'GET /v1/users/me/messages/1')).toBe('Get {"b":"me","a":"1"}');
    expect(outcome(table, 'POST /v1/messages:get')).toBe('Get {}');
  });
});

describe('start-up refuses', () => {
  test.each([
    ['two templates that are the same', ['GET /v1/{a}', 'GET /v1/{b}'], ['M0', 'M1', '"/v1/{a}"', '"/v1/{b}"']],
    ['the same in other words', ['GET /v1/{a=x/*}', 'GET /v1/x/{b}'], ['M0', 'M1']],
    ['the same literal, encoded', ['GET /v1/caf%C3%A9', 'GET /v1/%63af%C3%A9'], ['M0', 'M1']],
    ['the same verb', ['POST /v1/{a}:go', 'POST /v1/*:go'], ['M0', 'M1']],
    ['** twice', ['GET /{a=**}', 'GET /**'], ['M0', 'M1']],
    ['* twice', ['* /x', '* /x'], ['M0', 'M1']],
    ['a field that is not there', ['GET /v1/{nope}'], ['M0', '"nope"']],
    ['a nested field that is not there', ['GET /v1/{inner.nope}'], ['test.Inner has no field "nope"']],
    ['a JSON name in a template', ['GET /v1/{inner.Deep.d}'], ['"Deep"']],
    ['a path through a scalar', ['GET /v1/{a.b}'], ['"a" is no message']],
    ['a message', ['GET /v1/{inner}'], ['"inner" is a message']],
    ['a repeated field', ['GET /v1/{many}'], ['"many" is repeated']],
    ['a map', ['GET /v1/{map}'], ['"map" is repeated']],
    ['a bad template', ['GET /v1/{a'], ['M0', 'position 7']],
    ['a body that is no field', ['POST /v1 nope'], ['"nope"']],
    ['a body that is nested', ['POST /v1 inner.deep'], ['"inner.deep"']],
    ['a body that the path takes', ['POST /v1/{a} a'], ['"a" is both body and path variable']],
    ['two members of a oneof', ['GET /v1/{x}/{y}'], ['"x" and "y" exclude each other']],
    ['a method that is none', ['A(B) /v1'], ['kind of the custom method']],
  ])('%s', async (_, bindings, named) => {
    const descriptors = await describeBindings(bindings);
    expect(() => buildRouteTable(descriptors)).toThrow(UsageError);
    for (const text of named) expect(() => buildRouteTable(descriptors)).toThrow(text);
  });

  test('a response_body that is no field, and a custom method without a kind', async () => {
    for (const rule of ['get: "/x" response_body: "nope"', 'custom: { path: "/x" }']) {
      const proto = serviceProto(
        `rpc M(Request) returns (Response) { option (google.api.http) = { ${rule} }; }`,
        MESSAGES,
      );
      const descriptors = await describeProto(proto);
      expect(() => buildRouteTable(descriptors)).toThrow(/nope|kind/);
    }
  });

  test('but not a path variable inside the body field, as updates have it', async () => {
    const table = await tableOf(['PATCH /v1/{book.name=books/*} book']);
    expect(outcome(table, 'PATCH /v1/books/1')).toBe('M0 {"book":{"name":"books/1"}}');
  });
});

test('the order of services and methods changes no match', async () => {
  const bindings = [
    'GET /v1/{a}',
    'GET /v1/special',
    'GET /v1/{a=**}',
    'GET /v1/{a}:go',
    'GET /v1/{a=**}:go',
    'POST /v1/special',
    '* /v1/{a}/x',
    'GET /v1/special/{a}',
    'GET /**',
    'GET /v1/special:go',
    'DELETE /v1/*/x',
    'GET /',
  ];
  const descriptors = await describeBindings(bindings);
  const table = buildRouteTable(descriptors);
  const methods = descriptors.services.flatMap((service) => service.methods);
  const segment = fc.constantFrom('v1', 'special', 'x', 'special:go', 'y:go', 'a:b', 'z');
  const request = fc
    .tuple(fc.constantFrom('GET', 'POST', 'DELETE', 'PUT'), fc.array(segment, { maxLength: 4 }))
    .map(([method, segments]) => `${method} /${segments.join('/')}`);
  fc.assert(
    fc.property(
      fc.shuffledSubarray(methods, { minLength: methods.length }),
      fc.array(request, { maxLength: 20 }),
      (order, requests) => {
        const services = order.map((method) => ({ name: method.name, comment: '', methods: [method] }));
        const shuffled = buildRouteTable({ ...descriptors, services });
        for (const one of requests) expect(outcome(shuffled, one)).toBe(outcome(table, one));
      },
    ),
    { numRuns: 100 },
  );
});

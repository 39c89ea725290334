import { fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { parseJson } from '../../../src/gateway/routes/json-text.ts';
import { viewMessage } from '../../../src/gateway/routes/message-view.ts';
import type { BoundRequest } from '../../../src/gateway/routes/request.ts';
import type { Route } from '../../../src/gateway/routes/table.ts';
import { arbitraryMessage } from '../../gateway/routes/arbitrary-message.ts';
import { type Bound, type Desk, openDesk } from '../desk.ts';
import { mutatedBytes, mutatedText } from '../mutation.ts';
import { requestTo, shortRequestTo, TOKENS } from '../requests.ts';
import { type FuzzTarget, orRefusal, same } from '../target.ts';
import { arbitraryWire } from '../wire.ts';

interface Input {
  /** `METHOD TARGET` */
  readonly request: string;
  /** Absent; JSON as text; protobuf as hex. */
  readonly json?: string;
  readonly protobuf?: string;
}

/** What a path says of each variable, read a second way: a pattern made of the template's text. */
function checkPath({ route, path }: Bound, { message }: BoundRequest): void {
  const { template, variables } = route;
  const quoted = (text: string): string => text.replace(/[.+?^$()[\]\\|]/g, '\\$&');
  const inside = (text: string): string => text.replaceAll(/\*\*|\*/g, (star) => (star === '*' ? '[^/]+' : '.*'));
  const pattern = quoted(template.text).replaceAll(
    /\{([^}=]+)(?:=([^}]+))?\}/g,
    (_, _name, text = '*') => `(${inside(text)})`,
  );
  const groups = new RegExp(`^${pattern}$`).exec(path.replace(/^(\/rest)$/, '$1/')) ?? [];
  for (const [index, variable] of variables.entries()) {
    const last = variable.fields.at(-1);
    if (last?.kind !== 'string') continue;
    const raw = groups[index + 1];
    // A literal of the template that came percent-encoded; the route is right, the pattern knows no other spelling.
    if (raw === undefined) continue;
    const parts = variable.multiSegment ? raw.split(/(%2[fF])/) : [raw];
    const text = parts.map((part, at) => (at % 2 === 1 ? part : decodeURIComponent(part))).join('');
    let found: unknown = message;
    for (const { name } of variable.fields) found = (found as Readonly<Record<string, unknown>>)[name];
    same(`what the path says of ${variable.fieldPath.join('.')}`, found, text);
  }
}

function bindBody({ binder }: Bound, { json, protobuf }: Input): BoundRequest {
  if (json !== undefined) return binder.fromJson(parseJson(Buffer.from(json).toString()));
  if (protobuf !== undefined) return binder.fromProtobuf(Buffer.from(protobuf, 'hex'));
  return binder.fromNothing();
}

/**
 * Why a body is refused that protobuf-es writes as it reads it: numbers of closed enums, which it keeps in packed lists, numbers of
 * NullValue, and a Value of no kind, which it keeps outside of a Struct.
 */
const MEANT = /the enum has no such value|is of no kind/;

/** Fails where a body that an encoder may have written is refused: one that protobuf-es reads, and writes the same. */
function checkAccepted(desk: Desk, { request, body }: Route, bytes: Buffer): void {
  const plan = body === '*' || body === undefined ? request : body.kind === 'message' ? body.message() : undefined;
  const desc = plan && desk.registry.getMessage(plan.fullName);
  if (plan === undefined || desc === undefined) return;
  let again: Uint8Array;
  try {
    again = toBinary(desc, fromBinary(desc, bytes, { readUnknownFields: false }));
  } catch {
    return;
  }
  if (!bytes.equals(again)) return;
  try {
    viewMessage(plan, bytes);
  } catch (error) {
    if (!(error instanceof Error && MEANT.test(`${error.message} ${error.cause}`))) throw error;
  }
}

/** Samples of valid bodies for each kind of message, as JSON and as hex. */
function bodies(desk: Desk, type: string): { readonly json: readonly string[]; readonly protobuf: readonly string[] } {
  const desc = desk.descOf(type);
  const samples = fc.sample(arbitraryMessage(desk.registry, desc), { numRuns: 40, seed: 1 });
  return {
    json: samples.map((message) => toJsonString(desc, message, { registry: desk.registry })),
    protobuf: samples.map((message) => Buffer.from(toBinary(desc, message)).toString('hex')),
  };
}

/** Requests to a route with the body that it takes: one message, or several one after the other, which are one to protobuf. */
function protobufTo(route: Route, bodiesOf: (type: string) => readonly string[]): fc.Arbitrary<Input> {
  const { body, request } = route;
  const plan = typeof body === 'object' && body.kind === 'message' ? body.message() : request;
  const messages = bodiesOf(plan.fullName);
  const several = fc.array(fc.constantFrom(...messages), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''));
  return fc.record({ request: requestTo(route), protobuf: fc.oneof(several, mutatedBytes(messages)) });
}

/** Requests to a route with a body from a grammar: protobuf, or the JSON that somebody makes of it. */
function grammarTo(desk: Desk, route: Route): fc.Arbitrary<Input> {
  const { body, request } = route;
  const plan = typeof body === 'object' && body.kind === 'message' ? body.message() : request;
  const desc = desk.descOf(plan.fullName);
  const wire = arbitraryWire(desc);
  const json = wire.map((hex) => {
    try {
      const message = fromBinary(desc, Buffer.from(hex, 'hex'));
      return toJsonString(desc, message, { registry: desk.registry, alwaysEmitImplicit: hex.length % 4 === 0 });
    } catch {
      // Times that are none have no form in JSON.
      return '{}';
    }
  });
  const short = fc.constant(shortRequestTo(route));
  const to = fc.oneof({ weight: 3, arbitrary: short }, { weight: 1, arbitrary: requestTo(route) });
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ request: to, protobuf: wire }) },
    // What JSON.stringify does not write.
    {
      weight: 1,
      arbitrary: fc.record({
        request: to,
        json: fc.oneof(
          json,
          json.map((text) => text.replaceAll(/:0(?=[,}])/g, ':-0')),
        ),
      }),
    },
  );
}

/** Whole requests: what the policy decides on is what the path, the query and the body say, and what is sent on. */
export async function decisionTarget(): Promise<FuzzTarget<Input>> {
  const desk = await openDesk();
  const byType = new Map(
    ['fuzz.Request', 'fuzz.Book', 'fuzz.Note', 'fuzz.Part'].map((type) => [type, bodies(desk, type)]),
  );
  const json = [...byType.values()].flatMap((kind) => kind.json).concat('7', 'null', '["a"]', '{"a":{}}', '"x"');
  const protobuf = [...byType.values()].flatMap((kind) => kind.protobuf);
  const fitting = fc.constantFrom(...desk.routes).chain(requestTo);
  const samples = fc.sample(fitting, { numRuns: 200, seed: 1 });
  const request = fc.oneof({ weight: 3, arbitrary: fitting }, { weight: 1, arbitrary: mutatedText(samples, TOKENS) });
  const jsonBody = fc.oneof(
    fc.constantFrom(...json),
    mutatedText(json, ['{', '}', '[', ']', '\\u0000', '\\ud800', '"id":"x"']),
  );
  const protobufBody = fc.oneof(
    fc.constantFrom(...protobuf),
    mutatedBytes(protobuf, ['0a00', '0a0178', '23', '24', '4b', '4c', 'ffffffff0f', '1a', '80']),
  );
  const bodiesOf = (type: string): readonly string[] => byType.get(type)?.protobuf ?? protobuf;
  const withBody = desk.routes.filter(({ body }) => body !== undefined);
  return {
    inputs: fc.oneof(
      { weight: 3, arbitrary: fc.oneof(...withBody.map((route) => grammarTo(desk, route))) },
      { weight: 1, arbitrary: fc.constantFrom(...withBody).chain((route) => protobufTo(route, bodiesOf)) },
      { weight: 1, arbitrary: fc.record({ request }) },
      { weight: 1, arbitrary: fc.record({ request, json: jsonBody }) },
      { weight: 1, arbitrary: fc.record({ request, protobuf: protobufBody }) },
    ),
    check: (input) => {
      const bound = orRefusal(() => desk.bind(input.request));
      if (bound !== undefined && input.protobuf !== undefined) {
        checkAccepted(desk, bound.route, Buffer.from(input.protobuf, 'hex'));
      }
      const whole = bound && orRefusal(() => bindBody(bound, input));
      if (bound === undefined || whole === undefined) return;
      desk.compare(bound.route, whole);
      checkPath(bound, whole);
    },
  };
}

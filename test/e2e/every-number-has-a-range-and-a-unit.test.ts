import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadDescriptors, type MethodDescriptor, PASSBAND_PROTO } from '../../src/descriptors.ts';
import type { FieldRange } from '../../src/field-range.ts';
import { type FieldPlan, type MessagePlan, planOf } from '../../src/gateway/routes/plan.ts';
import { ELEMENTS } from '../backend/antenna/antenna-stations.ts';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Numbers of requests that need no range, and why. */
const WITHOUT: Readonly<Record<string, string>> = {
  'sdr.oran.IQSampleBatch.samples': 'the samples themselves: any finite number, 1.0 is full scale',
  'sdr.oran.Station.ring_seconds': 'set by the server; what a caller says does not count',
  'sdr.oran.Station.subscribers': 'set by the server; what a caller says does not count',
  'sdr.oran.Station.epoch': 'set by the server; what a caller says does not count',
};

/** A number of a request: its field, and the JSON names on the way there; what lies in a list is its first item. */
interface NumberField {
  readonly method: MethodDescriptor;
  readonly owner: MessagePlan;
  readonly field: FieldPlan;
  readonly path: readonly string[];
}

const NUMBERS = /^(double|float|u?int(32|64)|sint(32|64)|s?fixed(32|64))$/;

function* numbersOf(
  method: MethodDescriptor,
  owner: MessagePlan,
  path: readonly string[] = [],
): Generator<NumberField> {
  for (const field of owner.fields) {
    const here = [...path, field.jsonName];
    if (NUMBERS.test(field.kind)) yield { method, owner, field, path: here };
    else if (field.kind === 'message' && field.message().fullName.startsWith('sdr.')) {
      yield* numbersOf(method, field.message(), field.repeated ? [...here, '0'] : here);
    }
  }
}

const { methods } = await loadDescriptors({ paths: [PASSBAND_PROTO] });
const numbers = [...methods.values()].flatMap((method) => [...numbersOf(method, planOf(method.request))]);
const nameOf = ({ owner, field }: NumberField): string => `${owner.fullName}.${field.name}`;

const TLE = { tleLine1: ELEMENTS.tle_line1, tleLine2: ELEMENTS.tle_line2 };
const TUNED = { sampleRate: 200_000, centerFrequencyHz: 4e9 };
const SITE = { latitudeDeg: 1, longitudeDeg: 1 };
/** Everything that a station must state around a member of this name, so that the number in question is what is wrong. */
const SOURCES: Readonly<Record<string, object>> = {
  sim: {
    sim: {
      carriers: [{ powerDbfs: -10 }],
      qpsk: [{ powerDbfs: -10 }],
      fm: [{ powerDbfs: -10, toneHz: 1, deviationHz: 1 }],
      bursts: [{ powerDbfs: -10, periodS: 1, onS: 0.5 }],
      pass: { ...TLE, downlinkFrequencyHz: 1e8 },
    },
    ...TUNED,
  },
  sigmf: { sigmf: { file: 'there-is-none.sigmf-meta' } },
  rtlTcp: { rtlTcp: { host: '127.0.0.1' }, ...TUNED },
  antenna: { antenna: { rotctld: { host: '127.0.0.1' } }, sim: { noiseDbfs: -50 }, ...TUNED },
};

/** How each kind of request is made over HTTP, around the number in question. */
const REQUESTS: Readonly<Record<string, { readonly send: string; readonly base?: object }>> = {
  'sdr.oran.IQSampleBatch': { send: 'POST /v1/stations/pushed/iq:push', base: { samples: [0, 0] } },
  'sdr.oran.StreamConfig': { send: 'POST /v1/stations/sim-1:start' },
  'sdr.oran.DopplerUpdate': { send: 'POST /v1/stations/sim-1:updateDoppler' },
  'sdr.oran.SubscribeIQRequest': { send: 'GET /v1/stations/sim-1/iq' },
  'sdr.oran.DownloadIQRequest': { send: 'GET /v1/stations/sim-1/iq:download' },
  'sdr.oran.SpectrumRequest': { send: 'GET /v1/stations/sim-1/spectrum' },
  'sdr.oran.CreateStationRequest': { send: 'POST /v1/stations' },
  'sdr.oran.UpdateStationRequest': { send: 'PATCH /v1/stations/sim-1' },
  'sdr.oran.ListPassesRequest': { send: 'GET /v1/stations/dish/passes', base: TLE },
  'sdr.oran.AntennaPointingRequest': { send: 'POST /v1/stations/dish/antenna:point' },
  'sdr.oran.TrackingUpdate': { send: 'POST /v1/stations/dish/antenna:track', base: { predictedAzimuthDeg: 10 } },
  'sdr.oran.recording.v1.StartRecordingRequest': { send: 'POST /v1/stations/sim-1/recordings' },
};

/** Numbers that calls may not set at all, though they are part of the message. */
const OPERATORS_OWN: ReadonlySet<string> = new Set(['sdr.oran.RtlTcpListener.port']);

let stack: Stack;
let client: Caller;

const json = (body: object): { headers: Record<string, string>; body: string } => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

beforeAll(async () => {
  stack = await startStack();
  client = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  for (const station of [
    { stationId: 'pushed', push: {}, ...TUNED },
    { stationId: 'dish', sim: { noiseDbfs: -50 }, site: SITE, antenna: { simulated: {} }, ...TUNED },
  ]) {
    expect((await client.call('/v1/stations', { method: 'POST', ...json(station) })).status).toBe(200);
  }
});
afterAll(async () => {
  await client?.close();
  await stack?.close();
});

/** A value with one member set, however deep; what is on the way there is kept or made. */
function withMember(value: unknown, [name, ...rest]: readonly string[], member: unknown): unknown {
  if (name === undefined) return member;
  if (Array.isArray(value) || name === '0') {
    return [withMember(Array.isArray(value) ? value[0] : undefined, rest, member)];
  }
  const before = (value ?? {}) as Readonly<Record<string, unknown>>;
  return { ...before, [name]: withMember(before[name], rest, member) };
}

/** What a request with this value is answered. */
async function ask({ method, path }: NumberField, value: string): Promise<string> {
  const { send, base = {} } = REQUESTS[planOf(method.request).fullName] ?? { send: '' };
  const [verb = '', target = ''] = send.split(' ');
  const [root, kind = ''] = path;
  const call = (): ReturnType<Caller['call']> => {
    if (verb === 'GET') {
      const query = new URLSearchParams({ ...base, [path.join('.')]: value });
      return client.call(`${target}?${query.toString()}`);
    }
    if (root !== 'station')
      return client.call(target, { method: verb, ...json(withMember(base, path, value) as object) });
    const station = {
      stationId: 'refused',
      site: SITE,
      ...(SOURCES[path.includes('simulated') ? 'sim' : kind] ?? SOURCES.sim),
    };
    return client.call(target, { method: verb, ...json(withMember(station, path.slice(1), value) as object) });
  };
  const { status, text } = await call();
  expect([status, text]).toEqual([400, expect.stringContaining('INVALID_ARGUMENT')]);
  return String((JSON.parse(text) as { detail: string }).detail);
}

/** A number of the field's type that it does not take; undefined where it takes all of them. */
function beyond({ kind }: FieldPlan, { min, max, limits }: FieldRange): string | undefined {
  // The end of 1970, and of 2099, are further from now than any limit.
  if (limits !== undefined) return limits.startsWith('at most') ? '4102444800000000000' : '31536000000000000';
  if (kind === 'double') return String(Number(max) * 2 + 1);
  const most = kind === 'uint32' ? 2 ** 32 - 1 : kind === 'sint32' ? 2 ** 31 - 1 : 2 ** 63;
  return Number(max) < most
    ? String(BigInt(max ?? 0) + 1n)
    : Number(min) > 0
      ? String(BigInt(min ?? 0) - 1n)
      : undefined;
}

test('every number of every request has a range and a unit, or a reason to have none', () => {
  expect(numbers.length).toBeGreaterThan(80);
  const bare = numbers.filter(({ field }) => field.range === undefined).map(nameOf);
  expect([...new Set(bare)].sort()).toEqual(Object.keys(WITHOUT).sort());
});

const ranged = numbers.flatMap((number) =>
  number.field.range === undefined ? [] : [{ number, range: number.field.range }],
);
const named = ranged.map(({ number, range }): [string, NumberField, FieldRange] => [
  `${number.method.name.split('/')[1]}: ${number.path.join('.')}`,
  number,
  range,
]);

describe('what is no number of the type is answered with range and unit', () => {
  test.each(named)('%s', async (_name, number, { text, unit }) => {
    const said = await ask(number, '1x');
    expect(said.slice(-`${number.field.jsonName}: ${text}`.length)).toBe(`${number.field.jsonName}: ${text}`);
    expect(text).toContain(unit);
  });
});

describe('what is out of range is refused by the backend with that range', () => {
  const asked = named.filter(
    ([, number, range]) =>
      beyond(number.field, range) !== undefined &&
      number.method.request.name !== 'UpdateStationRequest' &&
      !OPERATORS_OWN.has(nameOf(number)),
  );
  test.each(asked)('%s', async (_name, number, range) => {
    const said = await ask(number, beyond(number.field, range) ?? '');
    expect(said).toContain(number.field.name);
    if (number.field.name === 'output_rate') {
      // What the station of this test gives lies within what all stations may.
      const [, min, max] =
        /from (\S+) to (\S+) samples\/s, or 0, which means the source's own, unfiltered$/.exec(said) ?? [];
      expect(Number(min)).toBeGreaterThanOrEqual(Number(range.min));
      expect(Number(max)).toBeLessThanOrEqual(Number(range.max));
      return;
    }
    const stated = range.limits ?? `from ${range.min} to ${range.max} ${range.unit}`;
    const at = said.indexOf(stated);
    expect([said, at]).not.toEqual([said, -1]);
    // The unit ends there, and what 0 does comes next, where the backend says so.
    const rest = said.slice(at + stated.length);
    expect(rest).toMatch(rest.includes('or 0') ? /^, or 0, which / : /^($|[ (])/);
    if (rest.includes('or 0')) expect(rest).toBe(`, or 0, which ${range.zero}`);
  });
});

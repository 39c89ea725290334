import { join } from 'node:path';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import {
  BackendUnderTest,
  type Caller as GrpcCaller,
  type Message,
  policyOf,
  refusal,
} from '../backend/backend-under-test.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const STATIONS = ['sim-1', 'adsb'] as const;

/** One rule, with entries that have the same limits, and one that has none. */
const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: one rule
    subjects: ["cn:*"]
    allow:
      - methods: ["sdr.oran.SpectrumMonitorService/StreamSpectrum"]
${STATIONS.map(
  (station) => `      - methods: ["sdr.oran.IQStreamService/SubscribeIQ"]
        where: { station_id: ["${station}"] }
        limits: { concurrentStreams: 1 }
      - methods: ["sdr.oran.StationService/GetStation"]
        where: { station_id: ["${station}"] }
        limits: { requestsPerMinute: 1 }
      - methods: ["sdr.oran.IQStreamService/GetStreamStats"]
        where: { station_id: ["${station}"] }
        limits: { bytesPerSecond: 1 }
`,
).join('')}`;

const NO_STREAM = 'no more than 1 streams at one time';
const OTHERS = [
  ['requestsPerMinute', 'no more than 1 requests a minute', 'GetStation', ''],
  ['bytesPerSecond', 'no more than 1 bytes a second', 'GetStreamStats', '/stats'],
] as const;

describe('at the gateway', () => {
  let stack: Stack;
  let caller: Caller;

  beforeAll(async () => {
    stack = await startStack({ policy: POLICY });
    caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue({ cn: 'a' }), true);
  });
  afterAll(async () => {
    await caller?.close();
    await stack?.close();
  });

  /** The status of an answer, with what a refusal says. */
  async function asked(path: string): Promise<readonly [number, unknown]> {
    const { status, json } = await caller.call(path);
    return status === 200 ? [status, undefined] : [status, json().detail];
  }

  async function opened(path: string): Promise<number> {
    const { statusCode, body } = await caller.open(path);
    body.on('error', () => {}).resume();
    return statusCode;
  }

  it('concurrentStreams: a stream of an entry without a limit takes no place, and each entry has its own', async () => {
    for (let count = 0; count < 2; count++) {
      expect(await opened('/v1/stations/sim-1/spectrum:stream?fft_size=64&omit_frequencies=true')).toBe(200);
    }
    for (const station of STATIONS) expect(await opened(`/v1/stations/${station}/iq`)).toBe(200);
    for (const station of STATIONS) expect(await asked(`/v1/stations/${station}/iq`)).toEqual([429, NO_STREAM]);
    expect(stack.gateway.streams()).toBe(4);
  });

  it.each(OTHERS)('%s: each entry has its own count', async (_limit, refused, _method, suffix) => {
    for (const station of STATIONS) {
      expect(await asked(`/v1/stations/${station}${suffix}`)).toEqual([200, undefined]);
      expect(await asked(`/v1/stations/${station}${suffix}`)).toEqual([429, refused]);
    }
  });

  it('goes on counting when the policy is read again', async () => {
    const more = '  - { name: another, subjects: ["cn:*"], allow: [{ methods: ["passband.Gateway/WhoAmI"] }] }\n';
    expect(await asked('/whoami')).toEqual([403, expect.any(String)]);
    await replaceFile(join(stack.certsDir, 'policy.yaml'), POLICY + more);
    await until(
      'the policy is in use',
      () => asked('/whoami'),
      ([status]) => status === 200,
    );
    for (const station of STATIONS) {
      expect(await asked(`/v1/stations/${station}/iq`)).toEqual([429, NO_STREAM]);
      for (const [, refused, , suffix] of OTHERS) {
        expect(await asked(`/v1/stations/${station}${suffix}`)).toEqual([429, refused]);
      }
    }
  });
});

describe("at the backend's own door", () => {
  let backend: BackendUnderTest;
  let iq: GrpcCaller;

  beforeAll(async () => {
    backend = await BackendUnderTest.start({ stations: DEFAULT_STATIONS, policy: policyOf(POLICY) });
    iq = await backend.client('sdr.oran.IQStreamService');
  });
  afterAll(() => backend.stop());

  /** A stream of which a message has come, or what it was refused with. */
  async function opened(caller: GrpcCaller, method: string, request: object): Promise<string> {
    const stream: ClientReadableStream<Message> = caller.stream(method, request);
    const refused = caller.status(stream).then(({ code, details }) => `${code}: ${details}`);
    return Promise.race([refused, new Promise<string>((open) => stream.once('data', () => open('open')))]);
  }

  it('concurrentStreams: a stream of an entry without a limit takes no place, and each entry has its own', async () => {
    const spectrum = await backend.client('sdr.oran.SpectrumMonitorService');
    for (let count = 0; count < 2; count++) {
      expect(await opened(spectrum, 'StreamSpectrum', { station_id: 'sim-1', fft_size: 64 })).toBe('open');
    }
    for (const [index, station_id] of STATIONS.entries()) {
      expect(await opened(iq, 'SubscribeIQ', { station_id })).toBe('open');
      // When all places that the method has are taken, that is said before the request is looked at.
      expect(await opened(iq, 'SubscribeIQ', { station_id })).toBe(`8: no more than ${index + 1} streams at one time`);
    }
  });

  it.each(OTHERS)('%s: each entry has its own count', async (_limit, refused, method, _path) => {
    const caller = method === 'GetStation' ? await backend.client('sdr.oran.StationService') : iq;
    for (const station_id of STATIONS) {
      expect(await refusal(caller.unary(method, { station_id }))).toBe('no error');
      expect(await refusal(caller.unary(method, { station_id }))).toBe(`8: ${refused}`);
    }
  });
});

// needs: rtl-433, curl
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import { BackendUnderTest } from '../backend/backend-under-test.ts';
import { curlOf } from '../support/curl.ts';
import { FrameReader } from '../support/frames.ts';
import { callerOf, pairIn } from '../support/https.ts';
import { SENSOR_TUNING, type SensorReading, sensorBurst } from '../support/ook-sensor.ts';
import { patientClock } from '../support/patient-clock.ts';
import { run } from '../support/run.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** What the sensor says, and what rtl_433 makes of it when every bit and the CRC are right. */
const READING: SensorReading = { id: 157, channel: 2, temperatureC: -12.3 };
const DECODED = {
  model: 'Rubicson-Temperature',
  id: 157,
  channel: 2,
  battery_ok: 1,
  temperature_C: -12.3,
  mic: 'CRC',
};
/** Seconds from one transmission to the next. */
const PERIOD_S = 1.5;
const RTL_433 = ['-F', 'json', '-s', String(SENSOR_TUNING.sampleRateHz), '-c', '0'];

let folder: string;
let onTheAir: Buffer;
/** The backend whose station is the receiver: what would be a dongle and rtl_tcp. */
let radio: BackendUnderTest;
/** Where it speaks rtl_tcp. */
let port: number;
/** The gateway and the backend that take the receiver for an rtl_tcp server like any. */
let stack: Stack;

/** Lines of the receiver's log. */
const told = (text: string): readonly Readonly<Record<string, unknown>>[] =>
  radio.log.filter(({ msg }) => msg === text);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-sensor-'));
  const file = join(folder, 'sensor.sigmf-meta');
  onTheAir = sensorBurst(READING, PERIOD_S);
  await writeFile(join(folder, 'sensor.sigmf-data'), onTheAir);
  await writeFile(
    file,
    JSON.stringify({
      global: { 'core:datatype': 'cu8', 'core:version': '1.2.5', 'core:sample_rate': SENSOR_TUNING.sampleRateHz },
      captures: [{ 'core:sample_start': 0, 'core:frequency': SENSOR_TUNING.centerFrequencyHz }],
      annotations: [],
    }),
  );
  const sensor: StationConfig = {
    stationId: 'sensor',
    description: 'a thermometer in the garden',
    source: { kind: 'sigmf', file },
    rtlTcpListener: { host: '127.0.0.1', port: 0, tls: false },
  };
  radio = await BackendUnderTest.start({ stations: [sensor], clock: patientClock() });
  const [line] = await until(
    'the listener listens',
    () => told('rtl_tcp listener listens'),
    ({ length }) => length > 0,
  );
  port = Number(line?.port);
  const garden: StationConfig = {
    stationId: 'garden',
    description: 'the receiver in the garden, by rtl_tcp',
    source: { kind: 'rtl_tcp', host: '127.0.0.1', port, gainDb: 20, ...SENSOR_TUNING },
  };
  stack = await startStack({ stations: [garden] });
});
afterAll(async () => {
  await stack?.close();
  await radio?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('reads it from our rtl_tcp listener as from any dongle', async () => {
  const frequency = String(SENSOR_TUNING.centerFrequencyHz);
  const child = spawn('rtl_433', ['-d', `rtl_tcp:127.0.0.1:${port}`, '-f', frequency, ...RTL_433]);
  try {
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value = 'rtl_433 ended without a word' } = await lines.next();
    expect(JSON.parse(value)).toMatchObject(DECODED);
  } finally {
    child.kill('SIGKILL');
  }
  // Nothing that it asked for was another than what the station does.
  expect(told('an rtl_tcp client asks for what the station does not do now')).toEqual([]);
});

it('reads it from what curl downloaded of a station that lives on rtl_tcp', async () => {
  const curl = curlOf(stack.gatewayUrl, stack.certsDir);
  const file = join(folder, 'g001_433.92M_250k.cu8');
  const answer = await curl(`/v1/stations/garden/iq:download?datatype=cu8&seconds=${2 * PERIOD_S}`);
  expect(answer.status).toBe(200);
  expect(answer.body).toHaveLength(2 * 2 * PERIOD_S * SENSOR_TUNING.sampleRateHz);
  // Two rounds of what is on the air, bit for bit, from wherever it was when the download began.
  const round = answer.body.length / 2;
  const at = onTheAir.indexOf(answer.body.subarray(0, 64));
  const turned = Buffer.concat([onTheAir.subarray(at), onTheAir.subarray(0, at)]);
  expect([at % 2, turned.equals(answer.body.subarray(0, round))]).toEqual([0, true]);
  expect(turned.equals(answer.body.subarray(round))).toBe(true);
  await writeFile(file, answer.body);
  const { stdout, stderr } = await run('rtl_433', ['-r', file, ...RTL_433]);
  const decoded = stdout.split('\n').filter((line) => line.startsWith('{'));
  if (decoded.length === 0) throw new Error(`rtl_433 decodes nothing: ${stderr}`);
  for (const line of decoded) expect(JSON.parse(line)).toMatchObject(DECODED);
});

it('has one connection to the receiver, however many read the station', async () => {
  const before = told('an rtl_tcp client is served').length;
  const callers = [1, 2, 3].map(() => callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client')));
  const readers = await Promise.all(
    // Different sizes, so that the gateway does not make one call of them.
    callers.map(
      async (caller, n) =>
        new FrameReader(await caller.events(`/v1/stations/garden/iq?batch_size_samples=${5000 + n}`)),
    ),
  );
  await Promise.all(readers.map((reader) => reader.until(() => reader.frames.length >= 10)));
  expect((await stack.backendCalls()).live).toBe(3);
  // That of the download is kept for a while, or a new one was made: never one for each.
  expect(told('an rtl_tcp client is served').length - before).toBeLessThanOrEqual(1);
  for (const { gaps } of readers) expect(gaps).toEqual([]);
  // The same samples for all: each is looked up in the first one's by its index.
  const [first, ...others] = readers.map(({ frames }) => frames);
  const start = first?.[0]?.sampleIndex ?? 0;
  const bytes = Buffer.concat(first?.map(({ data }) => data) ?? []);
  for (const frames of others) {
    for (const { sampleIndex, data } of frames) {
      const from = Math.max(sampleIndex, start);
      const end = Math.min(sampleIndex + data.length / 2, start + bytes.length / 2);
      if (end <= from) continue;
      const [mine, theirs] = [
        bytes.subarray(2 * (from - start), 2 * (end - start)),
        data.subarray(2 * (from - sampleIndex), 2 * (end - sampleIndex)),
      ];
      expect(mine.equals(theirs)).toBe(true);
    }
  }
  for (const reader of readers) reader.stop();
  for (const caller of callers) await caller.close();
});

it('tells its readers that the receiver is gone, and is back by itself behind a gap', async () => {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
  const path = '/v1/stations/garden/iq?batch_size_samples=5000';
  const before = new FrameReader(await caller.events(path));
  await before.until(() => before.frames.length >= 3);
  const sensor = await radio.client('sdr.oran.IQStreamService');
  await sensor.unary('StopStream', { station_id: 'sensor' });
  await before.until(() => false);
  const reason = 'the rtl_tcp server has closed the connection';
  expect(before.end?.status).toMatchObject({ code: 14, message: reason });
  const refused = await caller.call(path);
  expect([refused.status, refused.json()]).toMatchObject([503, { code: 'UNAVAILABLE' }]);
  const station = (): Promise<Record<string, unknown>> =>
    caller.call('/v1/stations/garden').then((answer) => answer.json());
  expect(await station()).toMatchObject({
    state: 'STATION_STATE_FAULTY',
    fault: expect.stringContaining('rtl_tcp server'),
  });

  await sensor.unary('StartStream', { station_id: 'sensor' });
  await until(
    'it is well again',
    async () => (await station()).state,
    (state) => state === 'STATION_STATE_RUNNING',
  );
  // From its last frame but one on: the last one, then the gap.
  const resumed = { 'last-event-id': before.frames.at(-2)?.eventId ?? '' };
  const after = new FrameReader(await caller.events(path, { headers: resumed }));
  await after.until(() => after.gaps.length > 0 && after.frames.length >= 3);
  expect(after.frames[0]).toMatchObject({ eventId: before.frames.at(-1)?.eventId });
  // How long it is, the source's own tests say: this stack's clock passes over long silences.
  expect(after.gaps[0]?.lost).toBeGreaterThan(0);
  after.stop();
  await caller.close();
});

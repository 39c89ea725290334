import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { type BackendUnderTest, type Caller, type Message, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { ELEMENTS, startAntennas } from './antenna-stations.ts';
import { TrackingClient } from './tracking-client.ts';

const NOW = ManualClock.START_NS;

let pki: TestPki;
let backend: BackendUnderTest;
let clock: ManualClock;
let antenna: Caller;
let clients: TrackingClient[];

beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki?.remove());
beforeEach(async () => {
  clients = [];
  ({ backend, clock } = await startAntennas(pki));
  antenna = await backend.client('sdr.oran.AntennaControlService');
});
afterEach(async () => {
  for (const client of clients) client.leave();
  await backend?.stop();
});

const status = (): Promise<Message> => antenna.unary('GetAntennaStatus', { station_id: 'dish' });
const track = (update: object): TrackingClient => {
  const client = new TrackingClient(antenna, clock);
  clients.push(client);
  client.send({ station_id: 'dish', ...update });
  return client;
};

it('follows what the client predicts, between its steps and beyond, and corrects its Doppler shift', async () => {
  const step = (s: number): object => ({
    timestamp_ns: String(NOW + BigInt(s) * 1_000_000_000n),
    satellite_name: 'BIRD',
    // Through north, where the azimuth jumps.
    predicted_azimuth_deg: (355 + s) % 360,
    predicted_elevation_deg: 20 + s,
    predicted_range_km: 1000 - s,
    predicted_doppler_hz: 500 - 10 * s,
  });
  const client = track(step(0));
  client.send(step(10));
  client.send(step(20));
  await client.first();
  await client.pass(15_000);
  const now = await client.status();
  expect(now).toMatchObject({ is_tracking: true, target_satellite: 'BIRD', target_visible: true, in_keyhole: false });
  expect(now.target_azimuth_deg).toBeCloseTo(10, 1);
  expect(now.target_elevation_deg).toBeCloseTo(35, 1);
  expect(now.target_range_km).toBeCloseTo(985, 6);
  expect(now.target_doppler_hz).toBeCloseTo(350, 6);
  expect(Number(now.tracking_error_deg)).toBeLessThan(0.1);
  await client.pass(10_000);
  // The last two steps are trusted for ten seconds.
  expect((await client.status()).target_doppler_hz).toBeCloseTo(250, 6);
  await client.pass(60_000);
  const held = await client.status();
  expect([held.target_azimuth_deg, held.target_elevation_deg]).toEqual([25, 50]);
  expect(held.target_doppler_hz).toBeCloseTo(200, 6);
});

it('tells four statuses in two seconds, of which a reader who does not read costs nothing', async () => {
  const client = track({ predicted_azimuth_deg: 10 });
  await client.first();
  const before = client.statuses.length;
  await client.pass(2000);
  expect(client.statuses.length - before).toBe(4);
  client.call.pause();
  await client.pass(60_000);
  const heap = clock.timers;
  await client.pass(600_000);
  expect(clock.timers).toBe(heap);
  client.call.resume();
  await client.pass(1000);
  expect((await client.status()).timestamp_ns).toBe(client.statuses.at(-1)?.timestamp_ns);
});

it('ends by itself when a client that predicts has said all and that time has come', async () => {
  const client = track({ timestamp_ns: String(NOW + 5_000_000_000n), predicted_azimuth_deg: 10 });
  await client.first();
  client.call.end();
  await client.pass(4000);
  expect(client.ended).toBeUndefined();
  await client.pass(1500);
  expect(await client.end).toMatchObject({ code: 0 });
  expect(await status()).toMatchObject({ is_tracking: false, target_doppler_hz: 0 });
});

it('waits where a satellite will rise, and goes on when the client has said all', async () => {
  const client = track({ ...ELEMENTS, satellite_name: 'LATER', min_elevation_deg: 10 });
  await client.first();
  client.call.end();
  const { passes } = await antenna.unary('ListPasses', {
    station_id: 'dish',
    ...ELEMENTS,
    min_elevation_deg: 10,
  });
  const [pass] = passes as { aos: { azimuth_deg: number; timestamp_ns: string } }[];
  expect(BigInt(pass?.aos.timestamp_ns ?? 0)).toBeGreaterThan(NOW + 300_000_000_000n);
  await client.pass(120_000);
  const waiting = await client.status();
  expect(waiting).toMatchObject({
    is_tracking: true,
    target_satellite: 'LATER',
    current_elevation_deg: 10,
    fault: '',
  });
  expect(waiting.current_azimuth_deg).toBeCloseTo(pass?.aos.azimuth_deg ?? 0, 3);
  expect(Number(waiting.tracking_error_deg)).toBeLessThan(0.001);
  expect(client.ended).toBeUndefined();
});

it('lets the antenna stop and the Doppler shift go when the client leaves', async () => {
  const client = track({ predicted_azimuth_deg: 170, predicted_elevation_deg: 80, predicted_doppler_hz: 5000 });
  await client.first();
  await client.pass(1000);
  client.leave();
  await client.end;
  while ((await status()).is_tracking === true) await turn();
  const stopped = await status();
  expect(Number(stopped.current_azimuth_deg)).toBeLessThan(20);
  clock.advance(20_000);
  expect(await status()).toMatchObject({
    current_azimuth_deg: stopped.current_azimuth_deg,
    current_elevation_deg: stopped.current_elevation_deg,
    target_doppler_hz: 0,
  });
  // And another may follow.
  expect(await track({ predicted_azimuth_deg: 1 }).first()).toMatchObject({ is_tracking: true });
});

it('is for one at a time, and nobody points meanwhile', async () => {
  await track({ predicted_azimuth_deg: 10, satellite_name: 'FIRST' }).first();
  expect(await track({ predicted_azimuth_deg: 20 }).end).toMatchObject({
    code: 6,
    details: expect.stringMatching(/dish follows/),
  });
  expect(await refusal(antenna.unary('PointAntenna', { station_id: 'dish' }))).toBe(
    '9: the antenna of dish follows FIRST; end TrackSatellite first',
  );
  expect(await status()).toMatchObject({ is_tracking: true, target_satellite: 'FIRST' });
  expect(await track({ station_id: 'rover', predicted_azimuth_deg: 20 }).first()).toMatchObject({
    is_tracking: true,
  });
});

it('ends when its station is stopped', async () => {
  const iq = await backend.client('sdr.oran.IQStreamService');
  const client = track({ predicted_azimuth_deg: 10 });
  await client.first();
  await iq.unary('StopStream', { station_id: 'dish' });
  await client.pass(200);
  expect(await client.end).toMatchObject({ code: 9, details: 'station dish was stopped' });
  expect(await track({ predicted_azimuth_deg: 10 }).end).toMatchObject({ code: 9 });
});

it('changes to another satellite in the same call', async () => {
  const client = track({ predicted_azimuth_deg: 10, satellite_name: 'ONE' });
  await client.first();
  client.send({ ...ELEMENTS, satellite_name: 'TWO' });
  await client.pass(1000);
  const second = await client.status();
  expect(second).toMatchObject({ target_satellite: 'TWO', target_visible: false });
  expect(second.element_set_age_days).toBeCloseTo(0, 3);
  // An update with nothing in it is a sign of life.
  client.send({});
  await client.pass(1000);
  expect(await client.status()).toMatchObject({ target_satellite: 'TWO' });
});

it('ends at a bad update, also a later one', async () => {
  const client = track({ predicted_azimuth_deg: 10 });
  await client.first();
  client.send({ station_id: 'rover', predicted_azimuth_deg: 10 });
  expect(await client.end).toMatchObject({ code: 3, details: 'station_id must stay dish; another is another call' });
  const second = track({ predicted_azimuth_deg: 10 });
  await second.first();
  second.send({ predicted_azimuth_deg: -10 });
  expect(await second.end).toMatchObject({ code: 3 });
  const silent = new TrackingClient(antenna, clock);
  silent.call.end();
  expect(await silent.end).toMatchObject({ code: 3, details: expect.stringMatching(/without an update/) });
});

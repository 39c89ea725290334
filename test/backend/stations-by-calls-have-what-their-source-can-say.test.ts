import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { StationsFile } from '../../src/backend/stations/stations-file.ts';
import { BackendUnderTest, type Caller, refusal } from './backend-under-test.ts';
import { ManualClock } from './manual-clock.ts';

let dir: string;
let backend: BackendUnderTest;
let stations: Caller;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-sources-by-calls-'));
  const file = new StationsFile(join(dir, 'stations.yaml'), []);
  backend = await BackendUnderTest.start({
    clock: new ManualClock(),
    stationChanges: { file, reach: { hosts: [], recording: undefined } },
  });
  stations = await backend.client('sdr.oran.StationService');
});
afterAll(async () => {
  await backend?.stop();
  await rm(dir, { recursive: true, force: true });
});

const DONGLE = {
  station_id: 'dongle',
  sample_rate: 250_000,
  center_frequency_hz: 433_920_000,
  rtl_tcp: { host: '127.0.0.1', port: 1 },
};
const HERTZ = '3: station.center_frequency_hz: must be a whole number from 1 to 4294967295 Hz over rtl_tcp';
const RATE = '3: station.sample_rate: must be a whole number from 1000 to 61440000 samples/s over rtl_tcp';
const ENDPOINT = '3: station.zmq.endpoint: must be of the form tcp://HOST:PORT with a TCP port from 1 to 65535';
const flowgraph = (endpoint: string): object => ({ ...DONGLE, rtl_tcp: undefined, zmq: { endpoint } });

it.each([
  ['a fraction of a hertz over rtl_tcp', { ...DONGLE, center_frequency_hz: 433_920_000.5 }, HERTZ],
  ['more than 32 bits of hertz over rtl_tcp', { ...DONGLE, center_frequency_hz: 5e9 }, HERTZ],
  ['a fraction of a sample a second over rtl_tcp', { ...DONGLE, sample_rate: 250_000.5 }, RATE],
  ['port 0 of a flowgraph', flowgraph('tcp://127.0.0.1:0'), ENDPOINT],
  ['a port of a flowgraph that TCP does not have', flowgraph('tcp://127.0.0.1:99999'), ENDPOINT],
])('%s is refused with what it may be', async (_, station, message) => {
  expect(await refusal(stations.unary('CreateStation', { station }))).toBe(message);
  expect((await stations.unary('ListStations', {})).stations).toEqual([]);
});

it('a change to a fraction of a hertz is refused, too, and changes nothing', async () => {
  await stations.unary('CreateStation', { station: DONGLE });
  const change = { station: { station_id: 'dongle', center_frequency_hz: 100_000_000.25 } };
  expect(await refusal(stations.unary('UpdateStation', change))).toBe(HERTZ);
  expect(await stations.unary('GetStation', { station_id: 'dongle' })).toMatchObject({
    center_frequency_hz: 433_920_000,
  });
});

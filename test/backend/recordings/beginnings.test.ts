import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { RecordingRecord } from '../../../src/backend/recordings/recording-record.ts';
import { Recordings } from '../../../src/backend/recordings/recordings.ts';
import type { Station } from '../../../src/backend/stations/station.ts';
import { stationMetrics } from '../../../src/backend/stations/station-metrics.ts';
import { openStations, type Stations } from '../../../src/backend/stations/stations.ts';
import { PassbandError } from '../../../src/errors.ts';
import { ManualClock } from '../manual-clock.ts';

let folder: string;
let stations: Stations;
let station: Station;
let recordings: Recordings;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-beginnings-'));
  const clock = new ManualClock();
  const log = pino({ level: 'silent' });
  const source = { kind: 'sim', seed: 1, noiseDbfs: -20, sampleRateHz: 100_000, centerFrequencyHz: 1e8 } as const;
  const configs = [{ stationId: 's', description: '', source }];
  stations = await openStations(configs, { metrics: stationMetrics(new Registry()), log, clock });
  station = stations.get('s');
  const limits = { quotaBytes: 1e9, minFreeBytes: 0 };
  recordings = await Recordings.open({ folder, limits, stations, clock, log });
});
afterEach(async () => {
  await recordings.close();
  stations.close(new PassbandError('UNAVAILABLE', 'the test is over'));
  await rm(folder, { recursive: true });
});

const start = (): Promise<RecordingRecord> =>
  recordings.start({ station, datatype: 'cf32_le', length: {}, description: '', startedBy: 'me' });

const ofRecordings = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('s-'));

it.each<[what: string, change: () => unknown, refusal: string]>([
  ['stopped', () => station.stop(), 'station s is stopped; start it with StartStream'],
  ['removed', () => stations.remove('s', new PassbandError('UNAVAILABLE', 's was removed')), 's was removed'],
])(
  'is none where its station is %s while its files are made, and the source stays as it is',
  async (_, change, refusal) => {
    const beginning = start();
    change();
    await expect(beginning).rejects.toThrow(refusal);
    expect([station.hub.tapCount, await ofRecordings(), recordings.list('')]).toEqual([0, [], []]);
  },
);

it('is none where the server shuts down while its files are made, and the folder is given back without them', async () => {
  const beginning = start();
  // Heard at once, for it may fail before the folder is given back.
  const refused = expect(beginning).rejects.toThrow('the server is shutting down');
  await recordings.close();
  expect([station.hub.tapCount, await readdir(folder)]).toEqual([0, []]);
  await refused;
});

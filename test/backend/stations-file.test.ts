import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { StationsFile } from '../../src/backend/stations/stations-file.ts';
import { UsageError } from '../../src/errors.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-stations-file-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const path = (): string => join(dir, 'stations.yaml');
const fileOf = async (text: string): Promise<StationsFile> => {
  await writeFile(path(), text);
  return new StationsFile(path(), DEFAULT_STATIONS);
};
const HEAD = 'version: 1\nstations:\n';
const SIM =
  '  - station_id: a\n    sample_rate: 1000000\n    center_frequency_hz: 100000000\n    sim: { noise_dbfs: -50 }\n';

it('where there is none, the built-in stations are there', async () => {
  expect(await new StationsFile(path(), DEFAULT_STATIONS).stations()).toBe(DEFAULT_STATIONS);
});

it('reads every kind of source, and recordings relative to itself', async () => {
  const tuned = 'sample_rate: 2400000, center_frequency_hz: 1.0e+9';
  const file = await fileOf(`${HEAD}
  - { station_id: s1, ${tuned}, sim: { seed: -1, noise_dbfs: -60, carriers: [{ offset_hz: 1000, power_dbfs: -3 }] } }
  - { station_id: s2, sigmf: { file: rec/x.sigmf-meta, loop: false, speed: 2 } }
  - { station_id: s3, ${tuned}, rtl_tcp: { host: radio.example, gain_db: 29.7, frequency_correction_ppm: -12 } }
  - { station_id: s4, ${tuned}, zmq: { endpoint: "tcp://[::1]:5555", datatype: ci16_le, tags: true } }
  - station_id: s5
    sample_rate: 2400000
    center_frequency_hz: 1000000000
    band: Ku-band
    push: { datatype: cu8 }
    full_scale_dbm: -30
    batch_size_samples: 100
    ring: { seconds: 1.5, bytes: 1000000 }
    site: { latitude_deg: -33, longitude_deg: 151, altitude_m: 20, ut1_utc_s: -0.0713 }
    antenna: { rotctld: { host: 127.0.0.1 } }
    rtl_tcp_listener: { port: 1234 }
`);
  const tuning = { sampleRateHz: 2.4e6, centerFrequencyHz: 1e9 };
  const stations = await file.stations();
  expect(stations.map(({ source }) => source)).toMatchObject([
    { kind: 'sim', seed: -1, ...tuning },
    { kind: 'sigmf', file: join(dir, 'rec/x.sigmf-meta'), loop: false, speed: 2 },
    { kind: 'rtl_tcp', host: 'radio.example', port: 1234, gainDb: 29.7, frequencyCorrectionPpm: -12, ...tuning },
    { kind: 'zmq', endpoint: 'tcp://[::1]:5555', datatype: 'ci16_le', tags: true, ...tuning },
    { kind: 'push', datatype: 'cu8', ...tuning },
  ]);
  expect(stations[4]).toMatchObject({
    stationId: 's5',
    band: 'Ku-band',
    fullScaleDbm: -30,
    batchSizeSamples: 100,
    ring: { seconds: 1.5, bytes: 1_000_000 },
    site: { latitudeDeg: -33, longitudeDeg: 151, altitudeM: 20, ut1UtcS: -0.0713 },
    antenna: { kind: 'rotctld', host: '127.0.0.1', port: 4533 },
    rtlTcpListener: { host: '127.0.0.1', port: 1234, tls: false },
  });
});

test.each<[string, string, RegExp]>([
  ['nothing', '', /stations\.yaml.*: must be a mapping/],
  ['no YAML', 'version: [', /stations\.yaml:1:\d+: /],
  ['no version', 'stations: []', /stations\.yaml:1:1: version: is missing/],
  ['a version to come', 'version: 2\nstations: []', /stations\.yaml:1:10: version: must be a number from 1 to 1/],
  ['no list', 'version: 1', /stations: is missing; add a list/],
  ['no list of stations', 'version: 1\nstations: { a: 1 }', /stations\.yaml:2:11: stations: must be a list/],
  ['a station that is a word', `${HEAD}  - a\n`, /stations\.yaml:3:5: stations\[0\]: must be a mapping/],
  ['no id', `${HEAD}  - sim: {}\n`, /stations\.yaml:3:5: stations\[0\]\.station_id: is missing/],
  ['two of one id', HEAD + SIM + SIM, /stations\.yaml:7:17: stations\[1\]\.station_id: there are two stations a/],
  [
    'an unknown member',
    `${HEAD + SIM}    colour: red\n`,
    /stations\.yaml:7:13: stations\[0\]\.colour: is unknown here; known are .*band/,
  ],
  [
    'an unknown member of a source',
    HEAD + SIM.replace('-50', '-50, sead: 1'),
    /:6:35: stations\[0\]\.sim\.sead: is unknown here/,
  ],
  ['two sources', `${HEAD + SIM}    push: {}\n`, /stations\[0\]: needs exactly one source/],
  [
    'a rate of a recording',
    `${HEAD}  - { station_id: a, sample_rate: 48000, sigmf: { file: x } }`,
    /stations\[0\]\.sample_rate: is what the recording says/,
  ],
  [
    'a rate that is not finite',
    HEAD + SIM.replace('1000000\n', '.inf\n'),
    /:4:18: stations\[0\]\.sample_rate: must be a number from 1000 to 61440000 samples\/s/,
  ],
  ['a rate in words', HEAD + SIM.replace('1000000\n', 'fast\n'), /sample_rate: must be a number/],
  [
    'a datatype of nobody',
    `${HEAD}  - { station_id: a, sample_rate: 1e6, center_frequency_hz: 1e8, push: { datatype: cf64 } }`,
    /push\.datatype: must be one of cf32_le/,
  ],
  [
    'an endpoint without a port',
    `${HEAD}  - { station_id: a, sample_rate: 1e6, center_frequency_hz: 1e8, zmq: { endpoint: tcp://x } }`,
    /zmq\.endpoint: must be of the form tcp:\/\/HOST:PORT with a TCP port from 1 to 65535$/,
  ],
  [
    'a port of nobody',
    `${HEAD}  - { station_id: a, sample_rate: 1e6, center_frequency_hz: 1e8, zmq: { endpoint: "tcp://x:70000" } }`,
    /zmq\.endpoint: must be of the form tcp:\/\/HOST:PORT with a TCP port from 1 to 65535$/,
  ],
  [
    'two rotors',
    `${HEAD + SIM}    antenna: { simulated: {}, rotctld: { host: x } }\n`,
    /antenna: needs exactly one rotor/,
  ],
  [
    'an axis that ends before it begins',
    `${HEAD + SIM}    antenna: { simulated: { max_azimuth_deg: -300 } }\n`,
    /max_azimuth_deg: must be greater/,
  ],
  [
    'a listener for all without TLS',
    `${HEAD + SIM}    rtl_tcp_listener: { host: "::", port: 1 }\n`,
    /rtl_tcp_listener\.tls: must be true for ::/,
  ],
  [
    'a ring without end',
    `${HEAD + SIM}    ring: { seconds: 1e9 }\n`,
    /ring\.seconds: must be a number from 0\.1 to 3600 s/,
  ],
  [
    'a UT1 of milliseconds',
    `${HEAD + SIM}    site: { latitude_deg: 0, longitude_deg: 0, ut1_utc_s: 71 }\n`,
    /stations\.yaml:7:59: stations\[0\]\.site\.ut1_utc_s: must be a number from -0\.9 to 0\.9 s/,
  ],
  [
    'a pass over nowhere',
    HEAD + SIM.replace('-50', '-50, pass: {}'),
    /stations\.yaml:3:5: stations\[0\]\.site: is missing; sim\.pass needs it/,
  ],
  [
    'a pass of no satellite',
    `${HEAD + SIM.replace('-50', '-50, pass: { tle_line1: a, tle_line2: b, downlink_frequency_hz: 1.0e+8 }')}    site: { latitude_deg: 0, longitude_deg: 0 }\n`,
    /stations\.yaml:6:35: stations\[0\]\.sim\.pass: tle_line1: a line has 69 characters, this one 1/,
  ],
  [
    'a frequency that rtl_tcp cannot say',
    HEAD + SIM.replace('100000000', '5.0e+9').replace('sim: { noise_dbfs: -50 }', 'rtl_tcp: { host: 127.0.0.1 }'),
    /stations\.yaml:5:26: stations\[0\]\.center_frequency_hz: must be a whole number from 1 to 4294967295 Hz over rtl_tcp$/,
  ],
  [
    'a fraction of a hertz for rtl_tcp',
    HEAD + SIM.replace('100000000', '100000000.5').replace('sim: { noise_dbfs: -50 }', 'rtl_tcp: { host: 127.0.0.1 }'),
    /:5:26: stations\[0\]\.center_frequency_hz: must be a whole number from 1 to 4294967295 Hz over rtl_tcp$/,
  ],
  [
    'a fraction of a sample a second for rtl_tcp',
    HEAD + SIM.replace('1000000\n', '250000.5\n').replace('sim: { noise_dbfs: -50 }', 'rtl_tcp: { host: 127.0.0.1 }'),
    /:4:18: stations\[0\]\.sample_rate: must be a whole number from 1000 to 61440000 samples\/s over rtl_tcp$/,
  ],
  ['aliases that grow', `a: &a [x,x]\nb: &b [*a,*a]\n${HEAD + SIM}`, /stations\.yaml.*(alias|unknown here)/i],
])('refused: %s', async (_, text, message) => {
  const file = await fileOf(text);
  await expect(file.stations()).rejects.toThrow(UsageError);
  await expect(file.stations()).rejects.toThrow(message);
});

it('refuses a file that is too large before it reads it', async () => {
  const file = await fileOf(`# ${'x'.repeat(256 * 1024)}\n${HEAD}${SIM}`);
  await expect(file.stations()).rejects.toThrow(/larger than 262144 bytes/);
});

it('keeps what its owner wrote when a station is put in and taken out', async () => {
  const text = `# mine\nversion: 1\nstations:\n  # the first\n${SIM}`;
  const file = await fileOf(text);
  const before = await readFile(path(), 'utf8');
  await file.add({ station_id: 'b', sample_rate: 1e6, center_frequency_hz: 1e8, sim: { seed: 2, noise_dbfs: -50 } });
  expect((await file.stations()).map(({ stationId }) => stationId)).toEqual(['a', 'b']);
  await file.change({ station_id: 'b', sample_rate: 2e6, center_frequency_hz: 1e8, sim: { noise_dbfs: -50 } });
  expect((await file.stations())[1]).toMatchObject({ source: { sampleRateHz: 2e6 } });
  await file.remove('b');
  expect(await readFile(path(), 'utf8')).toBe(before);
});

it('begins with the built-in stations when the first is put in, and reads them again', async () => {
  const file = new StationsFile(join(dir, 'data', 'stations.yaml'), DEFAULT_STATIONS);
  await file.add({ station_id: 'b', sample_rate: 1e6, center_frequency_hz: 1e8, sim: { noise_dbfs: -50 } });
  const stations = await file.stations();
  expect(stations.slice(0, 2)).toEqual(DEFAULT_STATIONS);
  expect(stations[2]).toMatchObject({ stationId: 'b' });
});

it('never becomes what it could not read again', async () => {
  const file = await fileOf(`# ${'x'.repeat(255 * 1024)}\n${HEAD}${SIM}`);
  const before = await readFile(path(), 'utf8');
  const station = { station_id: 'b', sample_rate: 1e6, center_frequency_hz: 1e8, sim: { noise_dbfs: -50 } };
  const carriers = Array.from({ length: 32 }, () => ({ offset_hz: 1, power_dbfs: -10 }));
  await expect(file.add({ ...station, sim: { carriers } })).rejects.toThrow(
    /more than 262144 bytes; remove a station first/,
  );
  await expect(file.add({ ...station, colour: 'red' })).rejects.toThrow(/colour: is unknown/);
  expect(await readFile(path(), 'utf8')).toBe(before);
  await file.add(station);
  expect(await file.stations()).toHaveLength(2);
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { StationsFile } from '../../src/backend/stations/stations-file.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-by-hand-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const path = (): string => join(dir, 'stations.yaml');
const text = (): Promise<string> => readFile(path(), 'utf8');

const OWNERS = `# mine
version: 1
stations:
  # the first
  - station_id: sim # rack 3
    # calibrated 2026-05-01
    sample_rate: 1.0e+6 # as measured
    center_frequency_hz: 100000000
    description: 'Dish on the roof' # south
    sim:
      # the floor
      noise_dbfs: -50 # quiet
      carriers:
        - { offset_hz: 1000, power_dbfs: -3 } # beacon
        - { offset_hz: 2000, power_dbfs: -6 } # spur
    # enough for a pass
    ring: { seconds: 2 } # short
    # behind it
  - { station_id: hot, sample_rate: 1000000, center_frequency_hz: 1e8, sim: { noise_dbfs: -50 } } # thermal
# the end
`;

const SIM = {
  station_id: 'sim',
  sample_rate: 1e6,
  center_frequency_hz: 1e8,
  description: 'Dish on the roof',
  sim: {
    noise_dbfs: -50,
    carriers: [
      { offset_hz: 1000, power_dbfs: -3 },
      { offset_hz: 2000, power_dbfs: -6 },
    ],
  },
  ring: { seconds: 2 },
};
const HOT = { station_id: 'hot', sample_rate: 1e6, center_frequency_hz: 1e8, sim: { noise_dbfs: -50 } };

/** The owner's file, read as when the server starts. */
async function opened(owners = OWNERS): Promise<StationsFile> {
  await writeFile(path(), owners);
  const file = new StationsFile(path(), DEFAULT_STATIONS);
  await file.stations();
  return file;
}

test.each<[string, object, (owners: string) => string]>([
  ['nothing', SIM, (owners) => owners],
  ['a text', { ...SIM, description: 'Moved' }, (owners) => owners.replace('Dish on the roof', 'Moved')],
  ['a number', { ...SIM, sample_rate: 2e6 }, (owners) => owners.replace('1.0e+6', '2000000')],
  [
    'a number within',
    { ...SIM, sim: { ...SIM.sim, noise_dbfs: -40 } },
    (owners) => owners.replace('-50 # quiet', '-40 # quiet'),
  ],
  ['a number in braces', { ...SIM, ring: { seconds: 3 } }, (owners) => owners.replace('seconds: 2', 'seconds: 3')],
  [
    'an item of a list',
    { ...SIM, sim: { ...SIM.sim, carriers: [SIM.sim.carriers[0], { offset_hz: 2000, power_dbfs: -9 }] } },
    (owners) => owners.replace('-6', '-9'),
  ],
  [
    'the first item, which goes',
    { ...SIM, sim: { ...SIM.sim, carriers: [SIM.sim.carriers[1]] } },
    (owners) => owners.replace(/ +- .* # beacon\n/, ''),
  ],
  [
    'what there was not',
    { ...SIM, band: 'Ku-band' },
    (owners) => owners.replace('# short\n', '# short\n    band: Ku-band\n'),
  ],
  [
    'a member that goes, with its comment',
    Object.fromEntries(Object.entries(SIM).filter(([name]) => name !== 'description')),
    (owners) => owners.replace(/ +description: .*\n/, ''),
  ],
  ['one in braces', { ...HOT, sample_rate: 2e6 }, (owners) => owners.replace('1000000, center', '2000000, center')],
  [
    'one in braces that gets more',
    { ...HOT, band: 'X', ring: { seconds: 1 } },
    (owners) => owners.replace('-50 } }', '-50 }, band: X, ring: { seconds: 1 } }'),
  ],
])('changed is only what changes: %s', async (_, settings, expected) => {
  const file = await opened();
  await file.change({ ...settings });
  // Blank lines and the folding of long ones are the library's.
  const folded = (yaml: string): string => yaml.replaceAll(/\s+/g, ' ');
  expect(folded(await text())).toBe(folded(expected(OWNERS)));
  expect(await file.stations()).toHaveLength(2);
});

it('changes it again and again, and takes it out', async () => {
  const file = await opened();
  for (const description of ['One', 'Two']) await file.change({ ...SIM, description });
  await file.add({ ...HOT, station_id: 'new' });
  await file.change({ ...HOT, station_id: 'new', sample_rate: 3e6 });
  expect((await file.stations()).map(({ description, source }) => [description, source])).toMatchObject([
    ['Two', { sampleRateHz: 1e6 }],
    ['', { sampleRateHz: 1e6 }],
    ['', { sampleRateHz: 3e6 }],
  ]);
  for (const id of ['sim', 'new', 'hot']) await file.remove(id);
  expect(await text()).toContain('# mine\n');
  expect(await file.stations()).toEqual([]);
  await file.add(SIM);
  expect(await text()).toContain('  - station_id: sim\n');
});

it('leaves alone what its owner edits of other stations meanwhile', async () => {
  const file = await opened();
  await writeFile(path(), OWNERS.replace('-50 } } # thermal', '-33 } } # thermal'));
  await file.change({ ...SIM, description: 'Moved' });
  expect(await text()).toContain('noise_dbfs: -33');
});

test.each<[string, (owners: string) => string]>([
  ['edited', (owners) => owners.replace('-50 # quiet', '-33 # quiet')],
  ['given a member', (owners) => owners.replace('station_id: sim # rack 3', 'station_id: sim\n    band: X')],
  ['renamed', (owners) => owners.replace('station_id: sim', 'station_id: sum')],
])('refused: the change of one that its owner has %s meanwhile', async (_, edit) => {
  const file = await opened();
  const edited = edit(OWNERS);
  await writeFile(path(), edited);
  await expect(file.change({ ...SIM, description: 'Moved' })).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    publicMessage: expect.stringMatching(/^station sim was edited .*restart the server/),
  });
  if (edited.includes('station_id: sim'))
    await expect(file.remove('sim')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  expect(await text()).toBe(edited);
});

it('takes an edit over when it is read anew', async () => {
  const file = await opened();
  await writeFile(path(), OWNERS.replace('-50 # quiet', '-33 # quiet'));
  const [station] = await file.stations();
  await file.change({ ...station?.settings, description: 'Moved' });
  expect(await text()).toMatch(/description: 'Moved' # south[\s\S]*-33 # quiet/);
});

it('refused: an id that its owner has added meanwhile', async () => {
  const file = await opened();
  const edited = OWNERS.replace('# the end', '  - { station_id: mine, sample_rate: 1000, push: {} } # by hand');
  await writeFile(path(), edited.replace('push', 'center_frequency_hz: 1e8, push'));
  const before = await text();
  await expect(file.add({ ...HOT, station_id: 'mine' })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    publicMessage: expect.stringMatching(/has a station mine that does not run yet.*restart the server/),
  });
  expect(await text()).toBe(before);
});

it('refused: any change when the file is gone', async () => {
  const file = await opened();
  await rm(path());
  for (const change of [file.add({ ...HOT, station_id: 'new' }), file.change(SIM), file.remove('sim')]) {
    await expect(change).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      publicMessage: expect.stringMatching(/put it back/),
    });
  }
  await expect(text()).rejects.toThrow(/ENOENT/);
});

it('writes nothing when it is told so at the last moment', async () => {
  const file = await opened();
  const refuse = (): never => {
    throw new Error('too late');
  };
  for (const change of [
    file.add({ ...HOT, station_id: 'new' }, refuse),
    file.change({ ...SIM, band: 'X' }, refuse),
    file.remove('sim', refuse),
  ]) {
    await expect(change).rejects.toThrow('too late');
  }
  expect(await text()).toBe(OWNERS);
  await file.change({ ...SIM, band: 'X' });
});

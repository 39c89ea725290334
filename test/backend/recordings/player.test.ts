import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createMetrics } from '../../../src/backend/metrics.ts';
import { playerOf } from '../../../src/backend/recordings/player.ts';
import { openStations } from '../../../src/backend/stations/stations.ts';
import { ManualClock } from '../manual-clock.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-player-'));
  for (const name of ['a', 'b']) await writeFile(join(folder, `${name}.sigmf-meta`), '{}');
  await symlink(folder, `${folder}-link`);
});
afterAll(async () => {
  await rm(`${folder}-link`);
  await rm(folder, { recursive: true });
});

it.each<[string, (folder: string) => string, string | undefined]>([
  ['its path', (at) => join(at, 'a.sigmf-meta'), 'player'],
  ['a relative path', (at) => relative(process.cwd(), join(at, 'a.sigmf-meta')), 'player'],
  ['a path through a link', (at) => join(`${at}-link`, 'a.sigmf-meta'), 'player'],
  ['the path of another', (at) => join(at, 'b.sigmf-meta'), undefined],
])('a station that names a recording by %s', async (_, fileIn, player) => {
  const file = fileIn(folder);
  const stations = await openStations([{ stationId: 'player', description: '', source: { kind: 'sigmf', file } }], {
    metrics: createMetrics().stations,
    log: pino({ enabled: false }),
    clock: new ManualClock(),
  });
  expect((await playerOf(join(folder, 'a.sigmf-meta'), stations.all()))?.id).toBe(player);
});

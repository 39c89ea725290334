import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Station } from '../stations/station.ts';

/** The first of the stations that plays a recording, by whatever path it names its metadata; undefined where none does. */
export async function playerOf(metaFile: string, stations: readonly Station[]): Promise<Station | undefined> {
  const wanted = await placeOf(metaFile);
  for (const station of stations) {
    const { source } = station.config;
    if (source.kind === 'sigmf' && (await placeOf(source.file)) === wanted) return station;
  }
  return undefined;
}

/** Where a path leads; one that leads nowhere is what it says. */
async function placeOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

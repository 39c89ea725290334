import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

const FOLDER = join(PACKAGE_ROOT, 'test', 'fuzz', 'seeds');

/** An input that once showed a fault; it is tried first in every run. */
export interface Seed {
  readonly input: unknown;
  /** What it showed then. */
  readonly finding: string;
}

/** The kept inputs of a target. */
export function readSeeds(target: string): readonly Seed[] {
  const folder = join(FOLDER, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Seed);
}

/** Keeps an input of a target; gives the file's path. */
export function keepSeed(target: string, seed: Seed): string {
  const folder = join(FOLDER, target);
  mkdirSync(folder, { recursive: true });
  const hash = createHash('sha256').update(JSON.stringify(seed.input)).digest('hex');
  const file = join(folder, `${hash.slice(0, 12)}.json`);
  writeFileSync(file, `${JSON.stringify(seed, null, 2)}\n`);
  return file;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../src/package-root.ts';

interface Entry {
  readonly link?: true;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const text = readFileSync(join(PACKAGE_ROOT, 'package-lock.json'), 'utf8');
const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, Entry>> };

/** Whether Node finds a package from a place of the tree: in its node_modules or in one of a folder above. */
function isFound(place: string, name: string): boolean {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}

// Some versions of npm leave dependencies of workspaces, and packages for other platforms, out of the file they write.
describe('package-lock.json', () => {
  it('holds everything that anything in it depends on, for every platform', () => {
    const missing = Object.entries(packages).flatMap(([place, entry]) => {
      const own = place.includes('node_modules/') ? {} : entry.devDependencies;
      const names = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies, ...own });
      return entry.link === true
        ? []
        : names.filter((name) => !isFound(place, name)).map((name) => `${place}: ${name}`);
    });
    expect(missing).toEqual([]);
  });

  it('names no registry host', () => {
    expect(text).not.toMatch(/"resolved": "http/);
  });
});

// `npm run sbom`: writes what a running Passband is made of, package by package, as CycloneDX 1.5 JSON to
// dist/sbom.cdx.json, which goes into the published package with the rest of dist/ and is not committed. Taken from the
// lock file, without what is only for development. `-- --output FILE` writes elsewhere.
//
// npm makes it, of a lock file that has the packages of a running program alone: told to leave out those of development
// (--omit dev), npm 11 also leaves out what both need, such as yargs.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({ options: { output: { type: 'string' } } });
const output = values.output ?? join(root, 'dist', 'sbom.cdx.json');
const read = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'));

const { devDependencies: _development, workspaces: _folders, scripts: _scripts, ...manifest } = read('package.json');
const lock = read('package-lock.json');

/** Where Node finds a package from a place of the tree: in its node_modules or in one of a folder above. */
function find(place, name) {
  for (let at = place; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const candidate = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (candidate in lock.packages) return candidate;
    if (at === '') return undefined;
  }
}

const packages = { '': { ...manifest } };
function follow(place) {
  const { dependencies, optionalDependencies } = packages[place];
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const at = find(place, name);
    if (at === undefined || at in packages) continue;
    packages[at] = lock.packages[at];
    follow(at);
  }
}
follow('');

const folder = mkdtempSync(join(tmpdir(), 'passband-sbom-'));
try {
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ ...lock, packages }));
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
  const made = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (made.status !== 0) throw new Error(`npm sbom failed; it needs npm 10 or later\n${made.stderr}`);
  const sbom = JSON.parse(made.stdout);
  // npm takes the name of the folder.
  sbom.metadata.component.name = manifest.name;
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, `${JSON.stringify(sbom, null, 2)}\n`);
  console.log(`${sbom.components.length} packages in ${output}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { run } from '../support/run.ts';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
}
interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly 'bom-ref': string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
}
interface Sbom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** What CycloneDX 1.5 asks of the parts that are used here. */
const COMPONENT = {
  type: 'object',
  required: ['type', 'name', 'version', 'purl', 'bom-ref', 'licenses'],
  properties: {
    type: { enum: ['application', 'library'] },
    purl: { type: 'string', pattern: '^pkg:npm/(%40[a-z0-9._-]+/)?[a-z0-9._-]+@[0-9].*$' },
    licenses: { type: 'array', minItems: 1 },
  },
};
const SCHEMA = {
  type: 'object',
  required: ['bomFormat', 'specVersion', 'serialNumber', 'version', 'metadata', 'components', 'dependencies'],
  properties: {
    bomFormat: { const: 'CycloneDX' },
    specVersion: { const: '1.5' },
    serialNumber: { type: 'string', pattern: '^urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' },
    version: { type: 'integer', minimum: 1 },
    metadata: { type: 'object', required: ['timestamp', 'component'], properties: { component: COMPONENT } },
    components: { type: 'array', minItems: 1, uniqueItems: true, items: COMPONENT },
    dependencies: { type: 'array', items: { type: 'object', required: ['ref'] } },
  },
};

const lock = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>;
};

interface Tree {
  readonly version?: string;
  readonly extraneous?: boolean;
  readonly dependencies?: Readonly<Record<string, Tree>>;
}

/** Every package that is installed and runs with Passband, as npm lists them. */
async function installed(): Promise<Set<string>> {
  const { stdout } = await run('npm', ['ls', '--all', '--omit', 'dev', '--json']);
  const found = new Set<string>();
  const walk = ({ dependencies = {} }: Tree): void => {
    for (const [name, tree] of Object.entries(dependencies)) {
      // What the install script of a package of development put there is in no lock file; and a workspace of the tests.
      if (tree.extraneous === true || name === 'passband-openapi-client') continue;
      if (tree.version !== undefined) found.add(`${name}@${tree.version}`);
      walk(tree);
    }
  };
  walk(JSON.parse(stdout));
  return found;
}

const nameAndVersion = ({ name, version }: Component): string => `${name}@${version}`;

const folder = mkdtempSync(join(tmpdir(), 'passband-sbom-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let sbom: Sbom;
beforeAll(async () => {
  const file = join(folder, 'sbom.cdx.json');
  const { code, stderr } = await run(process.execPath, [join(PACKAGE_ROOT, 'scripts', 'sbom.mjs'), '--output', file]);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  sbom = JSON.parse(readFileSync(file, 'utf8'));
});

describe('the bill of materials', () => {
  it('is CycloneDX', () => {
    const validate = new Ajv2020().compile(SCHEMA);
    expect([validate(sbom), validate.errors]).toEqual([true, null]);
    expect(sbom.metadata.component).toMatchObject({ name: 'passband', purl: expect.stringContaining('npm/passband@') });
  });

  it('has every package that runs, in the version that is installed, and no other', async () => {
    const there = [...(await installed())].sort();
    expect(there).toEqual(
      expect.arrayContaining([expect.stringMatching(/^express@/), expect.stringMatching(/^yargs@/)]),
    );
    const listed = [...new Set(sbom.components.map(nameAndVersion))].sort();
    expect(listed).toEqual(expect.arrayContaining(there));
    // Of a package with a binary for each platform, those of the others are not installed here.
    const elsewhere = new Set(
      Object.entries(lock.packages)
        .filter(([, { optional }]) => optional === true)
        .map(([place, { version }]) => `${place.slice('node_modules/'.length)}@${version}`),
    );
    expect(listed.filter((one) => !there.includes(one) && !elsewhere.has(one))).toEqual([]);
  });

  it('has the version and the hash of each as the lock file has them', () => {
    const locked = new Map(
      Object.entries(lock.packages).map(([place, { version, integrity = '' }]) => {
        const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
        return [`${name}@${version}`, Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')];
      }),
    );
    for (const component of sbom.components) {
      expect(component.hashes).toEqual([{ alg: 'SHA-512', content: locked.get(nameAndVersion(component)) }]);
    }
  });

  it('says what depends on what, and of nothing that is not in it', () => {
    const known = new Set([sbom.metadata.component, ...sbom.components].map((component) => component['bom-ref']));
    const named = sbom.dependencies.flatMap(({ ref, dependsOn = [] }) => [ref, ...dependsOn]);
    expect(named.filter((ref) => !known.has(ref))).toEqual([]);
    expect(new Set(sbom.dependencies.map(({ ref }) => ref))).toEqual(known);
  });

  it('names no registry host', () => {
    expect(JSON.stringify(sbom)).not.toMatch(/registry\./);
  });
});

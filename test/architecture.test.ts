import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from '@jest/globals';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

/** Lines that a file may have; past that it is split by concept. */
const MAX_LINES = 250;

interface Import {
  /** Path below src, such as `gateway/app.ts`. */
  readonly file: string;
  readonly line: number;
  /** A path below src, or the name of a package. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** The imports and re-exports of a file, those over several lines and those made at run time included. */
function importsOf(file: string, text: string): Import[] {
  const statement =
    /^(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  return [...text.matchAll(statement)].map((match) => {
    const named = match[2] ?? match[3] ?? '';
    const target = named.startsWith('.') ? join(dirname(file), named) : named;
    const line = text.slice(0, match.index).split('\n').length;
    return { file, line, target, typeOnly: match[1] !== undefined };
  });
}

const files = new Map(
  readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [relative(SRC, path), readFileSync(path, 'utf8')] as const),
);
const imports = [...files].flatMap(([file, text]) => importsOf(file, text));

/** `file:line -> target` of the imports that a rule forbids. */
function breaches(forbidden: (found: Import) => boolean): string[] {
  return imports.filter(forbidden).map(({ file, line, target }) => `src/${file}:${line} -> ${target}`);
}

const isIn = (path: string, ...places: readonly string[]): boolean =>
  places.some((place) => (place.endsWith('.ts') ? path === place : path.startsWith(`${place}/`)));
const isOurs = (target: string): boolean => files.has(target);

/** The first circle that is found, as a list of files that ends where it begins. */
function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const settled = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    const at = path.indexOf(file);
    if (at !== -1) return [...path.slice(at), file];
    if (settled.has(file)) return [];
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle.length > 0) return cycle;
    }
    settled.add(file);
    return [];
  };
  for (const file of edges.keys()) {
    const cycle = visit(file, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

describe('the reader of import lines', () => {
  it('sees every form of import', () => {
    const text = [
      "import one from './one.ts';",
      'import {',
      '  type Two,',
      '  three,',
      "} from '../two.ts';",
      "import type { Four } from 'four';",
      "import 'five';",
      "export { six } from './six.ts';",
      "const seven = await import('seven');",
      "const notAnImport = { from: 'eight' };",
    ].join('\n');
    expect(importsOf('gateway/x.ts', text).map(({ line, target, typeOnly }) => [line, target, typeOnly])).toEqual([
      [1, 'gateway/one.ts', false],
      [2, 'two.ts', false],
      [6, 'four', true],
      [7, 'five', false],
      [8, 'gateway/six.ts', false],
      [9, 'seven', false],
    ]);
  });

  it('finds a circle', () => {
    const edges = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', []],
      ['d', ['b']],
    ]);
    expect(findCycle(edges)).toEqual(['b', 'd', 'b']);
  });

  it('resolves every relative import to a file of ours, so that no rule looks past one', () => {
    expect(files.size).toBeGreaterThan(100);
    const relativeOnes = imports.filter(({ file, target }) => target.startsWith('..') || isIn(target, dirname(file)));
    expect(relativeOnes.filter(({ target }) => !isOurs(target))).toEqual([]);
  });
});

describe('who may import whom', () => {
  test('the rooms of the gateway do not know one another', () => {
    const rooms = ['edge', 'guard', 'routes', 'upstream', 'writers'].map((name) => `gateway/${name}`);
    const roomOf = (path: string): string | undefined => rooms.find((room) => isIn(path, room));
    const crosses = ({ file, target }: Import): boolean => {
      const [from, to] = [roomOf(file), roomOf(target)];
      return from !== undefined && to !== undefined && from !== to;
    };
    expect(breaches(crosses)).toEqual([]);
  });

  test('a room does not know what joins the rooms', () => {
    const upward = ({ file, target }: Import): boolean =>
      /^gateway\/[^/]+\//.test(file) && /^gateway\/[^/]+$/.test(target);
    expect(breaches(upward)).toEqual([]);
  });

  test('the gateway does not know the backend', () => {
    expect(breaches(({ file, target }) => isIn(file, 'gateway') && isIn(target, 'backend'))).toEqual([]);
  });

  test('the backend knows nothing of the gateway but identity, policy, the pure decision and its limits', () => {
    const guard = [
      'admission',
      'decide',
      'holder',
      'identity',
      'identity-json',
      'live-streams',
      'places',
      'policy',
      'turns',
    ];
    const shared = guard.map((name) => `gateway/guard/${name}.ts`);
    const other = ({ file, target }: Import): boolean =>
      isIn(file, 'backend') && isIn(target, 'gateway') && !shared.includes(target);
    expect(breaches(other)).toEqual([]);
  });

  test('gateway and backend take the name of the forwarded identity from the place that both know', () => {
    const takers = imports
      .filter(({ target }) => target === 'identity-metadata.ts')
      .map(({ file }) => file.split('/')[0]);
    expect(new Set(takers)).toEqual(new Set(['gateway', 'backend']));
    const spelt = [...files].filter(([, text]) => text.includes("'x-passband-identity'")).map(([file]) => file);
    expect(spelt).toEqual(['identity-metadata.ts']);
  });

  test('the audit journal knows nothing of ours but errors, files that last, observability and what an identity is', () => {
    const other = ({ file, target, typeOnly }: Import): boolean =>
      isIn(file, 'audit') &&
      isOurs(target) &&
      !isIn(target, 'audit', 'observability', 'errors.ts', 'durable-files.ts') &&
      !(typeOnly && target === 'gateway/guard/identity.ts');
    expect(breaches(other)).toEqual([]);
  });

  test('trust knows nothing of ours but pki, observability and what all share of errors, files, memory and moments', () => {
    const known = ['trust', 'pki', 'observability', 'errors.ts', 'durable-files.ts', 'expiry.ts', 'latest-used.ts'];
    const other = ({ file, target }: Import): boolean =>
      isIn(file, 'trust') && isOurs(target) && !isIn(target, ...known);
    expect(breaches(other)).toEqual([]);
  });

  test.each(['pki', 'sigmf'])('%s knows nothing of ours but errors and files that last', (folder) => {
    const other = ({ file, target }: Import): boolean =>
      isIn(file, folder) && isOurs(target) && !isIn(target, folder, 'errors.ts', 'durable-files.ts');
    expect(breaches(other)).toEqual([]);
  });

  test('nothing imports the command line', () => {
    expect(breaches(({ file, target }) => !isIn(file, 'cli') && isIn(target, 'cli'))).toEqual([]);
  });

  test('what all share knows no part', () => {
    const shared = [...files.keys()].filter((file) => !file.includes('/'));
    const parts = ['backend', 'gateway', 'cli', 'openapi', 'sigmf'];
    expect(breaches(({ file, target }) => shared.includes(file) && isIn(target, ...parts))).toEqual([]);
  });
});

describe('where a library may appear', () => {
  test.each<[library: RegExp, places: readonly string[], types: readonly string[]]>([
    [/^(express|http2-express)$/, ['gateway/app.ts'], []],
    [/^node:(https|http2)$/, ['gateway/edge', 'cli/recording/frame-stream.ts'], []],
    [/^cli-progress$/, ['cli/recording/record-progress.ts'], []],
    [/^@grpc\/grpc-js$/, ['gateway/upstream', 'backend'], []],
    [/^commander$/, ['cli'], []],
    [/^satellite\.js$/, ['backend/antenna/orbit.ts'], []],
    [/^(pkijs|asn1js)$/, ['pki', 'gateway/guard'], []],
    [/^zeromq$/, ['backend/iq/sources/zmq.ts'], []],
    [
      /^prom-client$/,
      ['observability', 'backend/metrics.ts', 'backend/stations/station-metrics.ts', 'cli'],
      ['backend'],
    ],
  ])('%s: %j, as a type also %j', (library, places, types) => {
    expect(imports.filter(({ target }) => library.test(target))).not.toEqual([]);
    const elsewhere = ({ file, target, typeOnly }: Import): boolean =>
      library.test(target) && !isIn(file, ...places, ...(typeOnly ? types : []));
    expect(breaches(elsewhere)).toEqual([]);
  });
});

describe('the shape of files', () => {
  // Types leave no import behind, so they may point back at what uses them.
  test('no circle among what is loaded', () => {
    const edges = new Map(
      [...files.keys()].map((file) => [
        file,
        imports
          .filter((found) => found.file === file && !found.typeOnly && isOurs(found.target))
          .map(({ target }) => target),
      ]),
    );
    expect(findCycle(edges)).toEqual([]);
  });

  test(`no file of more than ${MAX_LINES} lines`, () => {
    const long = [...files].filter(([, text]) => text.trimEnd().split('\n').length > MAX_LINES);
    expect(long.map(([file, text]) => `${file}: ${text.trimEnd().split('\n').length}`)).toEqual([]);
  });

  test('names say what a file is', () => {
    const wrong = [...files.keys()].filter(
      (file) => !/^([a-z0-9-]+\/)*[a-z0-9-]+(\.d)?\.ts$/.test(file) || /\b(utils?|helpers?|common|misc)\b/.test(file),
    );
    expect(wrong).toEqual([]);
  });
});

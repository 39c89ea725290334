import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createMetrics } from '../../src/backend/metrics.ts';
import { loadDescriptors } from '../../src/descriptors.ts';
import { CODES, codeNumber, httpStatus } from '../../src/errors.ts';
import { PAGES } from '../../src/gateway/pages.ts';
import { buildRouteTable } from '../../src/gateway/routes/table.ts';
import { auditMetrics } from '../../src/observability/audit-metrics.ts';
import { gatewayMetrics } from '../../src/observability/gateway-metrics.ts';
import { trustMetrics } from '../../src/observability/trust-metrics.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { environmentName, SETTINGS } from '../../src/settings.ts';
import { inFolderWith } from '../support/protos.ts';
import { blocksOf, documentText, tableAfter } from './markdown.ts';

const SRC = join(PACKAGE_ROOT, 'src');
const code = (text: string | undefined): string => (text === undefined ? '' : `\`${text}\``);

describe('README.md', () => {
  test('has every setting with its flag, variable, name in the file, default, programs and meaning', () => {
    const rows = Object.values(SETTINGS).map((setting) => [
      code(`--${setting.name}`),
      code(environmentName(setting)),
      code(setting.name),
      code(setting.byDefault),
      setting.programs.map((program) => program[0]).join(' '),
      setting.help,
    ]);
    expect(tableAfter(documentText('README.md'), '<!-- settings -->')).toEqual(rows);
  });

  test('leads to every document', () => {
    const index = documentText('README.md').split('## Further\n')[1] ?? '';
    const documents = ['.', 'docs', 'certs', 'bench', 'fixtures/recordings']
      .flatMap((folder) => readdirSync(join(PACKAGE_ROOT, folder)).map((name) => join(folder, name)))
      .filter((name) => name.endsWith('.md') && name !== 'README.md');
    expect(documents.length).toBeGreaterThan(10);
    expect(documents.filter((name) => !index.includes(`](${name})`))).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  const text = documentText('docs/errors.md');

  test('has every code with its numbers', () => {
    const rows = tableAfter(text, '## By code').map(([name, number, status]) => [name, number, status]);
    expect(rows).toEqual(CODES.map((name) => [name, String(codeNumber(name)), String(httpStatus(name))]));
  });

  test('has every status that is not a code’s own', () => {
    const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const thrown = sources.flatMap((name) =>
      [...readFileSync(join(SRC, name), 'utf8').matchAll(/\bstatus: (4\d\d)\b/g)].map(([, status = '']) => status),
    );
    const listed = tableAfter(text, '## Of HTTP itself').map(([status]) => status);
    expect(listed).toEqual([...new Set(thrown)].sort());
  });
});

describe('docs/operations.md', () => {
  const text = documentText('docs/operations.md');

  test('has every metric with its labels', async () => {
    const registry = new Registry();
    gatewayMetrics(registry);
    createMetrics(registry);
    trustMetrics(registry);
    auditMetrics(registry, 'gateway');
    const metrics = registry.getMetricsAsArray().map((metric) => {
      const { name, labelNames } = metric as unknown as { readonly name: string; readonly labelNames: string[] };
      return [name, [...labelNames].sort()];
    });
    const VALUES = /: [^,]*(, `[^`]*`)*$/;
    const listed = tableAfter(text, '| metric |').map(([name = '', labels = '']) => [
      name.replaceAll('`', ''),
      [...labels.replace(VALUES, '').matchAll(/`([^`]+)`/g)].map(([, label]) => label).sort(),
    ]);
    expect(listed).toEqual(metrics);
  });

  const limits = tableAfter(text, '## Limits').map(([limit = '', value = '', where = '']) => ({ limit, value, where }));

  test.each(limits)('$limit: $value, as $where says', ({ value, where }) => {
    const [, file = '', name = ''] = /^`([^`]+)` `([^`]+)`$/.exec(where) ?? [];
    const source = readFileSync(join(PACKAGE_ROOT, file), 'utf8');
    const [, expression = ''] = new RegExp(`\\bconst ${name} = ([0-9_* ]+);`).exec(source) ?? [];
    const actual = expression.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1);
    expect(expression).not.toBe('');
    expect(quantity(value)).toBe(actual);
  });
});

describe('SECURITY.md promises that limits are listed', () => {
  const listed = tableAfter(documentText('docs/operations.md'), '## Limits').map(([, , where]) => where);
  /** Of how numbers are written, which is no limit of ours; and of pages, which grow with the protos alone. */
  const isAnother = (file: string, name: string): boolean =>
    /^MAX_(LENGTH|VARINT)_BYTES$/.test(name) || file.startsWith('openapi/');
  const limits = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) =>
      [...readFileSync(join(SRC, file), 'utf8').matchAll(/\bconst (MAX_[A-Z_]+) = [0-9_* ]+;/g)].map(
        ([, name = '']) => [file, name] as const,
      ),
    )
    .filter(([file, name]) => !isAnother(file, name));

  test.each(limits)('%s: %s', (file, name) => {
    expect(listed).toContain(`\`src/${file}\` \`${name}\``);
  });
});

/** `8 KiB`, `10 s` or `100` as constants hold them: bytes, milliseconds or a number. */
function quantity(text: string): number {
  const [number = '', unit = ''] = text.split(' ');
  const units: Readonly<Record<string, number>> = { '': 1, s: 1000, KiB: 1024, MiB: 1024 * 1024 };
  return Number(number) * (units[unit] ?? Number.NaN);
}

describe('docs/protos.md', () => {
  const text = documentText('docs/protos.md');

  test('its example is served as its comments say', async () => {
    const [example] = blocksOf(text).filter(({ language }) => language === 'proto');
    await inFolderWith({ 'shelf.proto': example?.text ?? '' }, async (folder) => {
      const descriptors = await loadDescriptors({ paths: [folder] });
      const table = buildRouteTable(descriptors);
      const called = (method: string, path: string): string => {
        const match = table.match(method, path.slice(1).split('/'));
        return match.kind === 'route' ? match.route.method.name : match.kind;
      };
      expect([
        called('GET', '/v1/shelves/7/books'),
        called('GET', '/v1/books'),
        called('POST', '/v1/shelves/7/books'),
        called('GET', '/v1/shelves/7:watch'),
      ]).toEqual([
        'example.shelf.Shelf/ListBooks',
        'example.shelf.Shelf/ListBooks',
        'example.shelf.Shelf/AddBook',
        'example.shelf.Shelf/Watch',
      ]);
      expect(descriptors.methods.get('example.shelf.Shelf/Watch')?.stream).toMatchObject({
        idField: 'number',
        resumeField: 'after',
        overflow: 'drop-oldest',
        allowedOverflow: new Set(['drop-oldest', 'block']),
      });
    });
  });

  test('names every option of a stream', () => {
    const options = [
      ...readFileSync(join(PACKAGE_ROOT, 'proto/passband/v1/stream_options.proto'), 'utf8').matchAll(
        /^ {2}(?:repeated )?\w+ (\w+) = \d+;$/gm,
      ),
    ].map(([, name]) => `\`${name}\``);
    const fields = options.filter((name) => !name.includes('stream'));
    expect(tableAfter(text, '## Options of a stream').map(([name]) => name)).toEqual(fields);
  });

  test('names every page of the gateway', () => {
    const [sentence = ''] = /page of the gateway: [\s\S]*?\.\n/.exec(text) ?? [];
    expect([...sentence.matchAll(/`(\/[^`]*)`/g)].map(([, path]) => path).sort()).toEqual(
      PAGES.map(({ path }) => path).sort(),
    );
  });
});

describe('links', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'certs/README.md',
    'fixtures/recordings/README.md',
  ].concat(
    readdirSync(join(PACKAGE_ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  );
  /** A heading as the anchor that its text becomes. */
  const anchors = (text: string): string[] =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );

  test('lead somewhere', () => {
    const links = documents.flatMap((document) =>
      [...documentText(document).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, path = '', anchor]) => ({
        document,
        target: path === '' ? document : join(document, '..', path),
        anchor,
      })),
    );
    expect(links.length).toBeGreaterThan(20);
    const broken = links.filter(({ target, anchor }) => {
      if (!existsSync(join(PACKAGE_ROOT, target))) return true;
      return anchor !== undefined && !anchors(documentText(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

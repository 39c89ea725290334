import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadDescriptors, PASSBAND_PROTO } from '../../src/descriptors.ts';
import { docsPage, STYLE_SOURCE } from '../../src/openapi/docs-page.ts';
import { indexPage } from '../../src/openapi/index-page.ts';
import { type OpenApiDocument, operationsOf } from '../../src/openapi/model.ts';
import { html, prose } from '../../src/openapi/page/markup.ts';
import { describeApi, fromProto } from './from-proto.ts';

/** What would break a page if it were not escaped, in every place where a proto has text of its own. */
const HOSTILE = `</code></p><script>alert(1)</script><img src=x onerror="alert(2)">'&amp;`;

/** Commands of a page as they would be pasted. */
function commands(page: string): string[] {
  const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return [...page.matchAll(/<pre[^>]*><code>([^<]*)<\/code><\/pre>/g)].map(([, text = '']) =>
    text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] ?? ''),
  );
}

/** The words that a shell hands to curl. */
function words(command: string): string[] {
  const run = spawnSync('sh', ['-c', `curl() { printf '%s\\0' "$@"; }; ${command}`], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  return run.stdout.split('\0').slice(0, -1);
}

/** Elements and attributes that pages are made of; none of them loads or runs anything. */
const TAGS =
  /^(html|head|meta|title|link|body|a|nav|main|header|footer|section|article|details|summary|div|span|p|ul|li|h[1-4]|table|thead|tbody|tr|th|td|pre|code|strong|wbr)$/;
const ATTRIBUTES =
  /^(lang|charset|name|content|rel|href|class|id|scope|tabindex|title|open|aria-label|aria-labelledby)$/;

function expectSafe(page: string): void {
  const markup = page.replace(/<style>[\s\S]*?<\/style>/, '');
  const tags = [...markup.matchAll(/<([a-z][a-z0-9]*)([^>]*)>/gi)];
  expect(tags.map(([, name]) => name).filter((name) => !TAGS.test(name ?? ''))).toEqual([]);
  const attributes = tags.flatMap(([, , rest = '']) => rest.replace(/="[^"]*"/g, '').split(/\s+/));
  expect(attributes.filter((name) => name !== '' && !ATTRIBUTES.test(name))).toEqual([]);
  // Nothing is loaded from anywhere: the only links that load are the empty icon.
  expect([...markup.matchAll(/<link[^>]*>/g)].map(([link]) => link)).toEqual(['<link rel="icon" href="data:,">']);
  const styles = [...page.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, text = '']) => text);
  expect(styles).toHaveLength(1);
  expect(styles[0]).not.toMatch(/@import|url\(/i);
  expect(STYLE_SOURCE).toBe(
    `'sha256-${createHash('sha256')
      .update(styles[0] ?? '')
      .digest('base64')}'`,
  );
  const ids = [...markup.matchAll(/\sid="([^"]*)"/g)].map(([, id = '']) => id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  const targets = [...markup.matchAll(/\shref="#([^"]*)"/g)].map(([, id = '']) => id);
  expect(targets.filter((id) => !ids.includes(id))).toEqual([]);
  const open = [...markup.matchAll(/<([a-z][a-z0-9]*)[\s>]/g)].map(([, name = '']) => name);
  const closed = [...markup.matchAll(/<\/([a-z][a-z0-9]*)>/g)].map(([, name = '']) => name);
  const isVoid = (name: string): boolean => ['meta', 'link', 'wbr'].includes(name);
  expect(open.filter((name) => !isVoid(name)).sort()).toEqual(closed.sort());
}

describe('templates', () => {
  test('escape what stands in content and in attributes, and nothing twice', () => {
    const inner = html`<b title="${`"'<>&`}">${['<', 1, undefined, false, '&amp;']}</b>`;
    const escaped = '<b title="&quot;&#39;&lt;&gt;&amp;">&lt;1&amp;amp;</b>';
    expect(html`<p>${inner}${[inner]}</p>`.text).toBe(`<p>${escaped}${escaped}</p>`);
  });

  test.each([
    ['two\n\nparagraphs\nof text', '<p>two</p>\n<p>paragraphs\nof text</p>\n'],
    ['- one\n  goes on\n- `two`', '<ul><li>one\n  goes on</li><li><code>two</code></li></ul>\n'],
    ['a `<b>` and a ` alone', '<p>a <code>&lt;b&gt;</code> and a ` alone</p>\n'],
    ['', ''],
  ])('write the description %j', (text, markup) => {
    expect(prose(text).text).toBe(markup);
  });
});

describe('the documentation page', () => {
  let document: OpenApiDocument;
  let page: string;
  beforeAll(async () => {
    document = describeApi(await loadDescriptors({ paths: [PASSBAND_PROTO] })).document;
    page = docsPage(document);
  });

  test('loads nothing, runs nothing, and every link within it leads somewhere', () => {
    expectSafe(page);
  });

  test('shows every operation and every schema', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [, { operationId }] of operationsOf(item)) {
        expect(page).toContain(`id="op-${operationId}"`);
        expect(page).toContain(`href="#op-${operationId}"`);
      }
      expect(page.replaceAll('<wbr>', '')).toContain(`<span class="path">${path}</span>`);
    }
    for (const name of Object.keys(document.components.schemas)) expect(page).toContain(`id="schema-${name}"`);
  });

  test('shows which numbers a field takes, and their unit', () => {
    expect(page).toContain('integer, uint32, 64 to 65536 points or 0');
    expect(page).toContain('number, double, -90 to 90 degrees');
    expect(page).toContain('string, uint64, 1 to 2000000000000000 samples');
    expect(page).toContain('string, int64, ns since 1970-01-01T00:00:00Z, at most 5 s after now');
  });

  test('has numbers in its commands that the fields take', () => {
    const bodies = commands(page).flatMap((command) => {
      const given = words(command);
      return given.includes('--json') ? [JSON.parse(given[given.indexOf('--json') + 1] ?? '') as object] : [];
    });
    // 0 keeps what there is, where it may stand; a port is none.
    expect(bodies).toContainEqual(expect.objectContaining({ sampleRate: 0, batchSizeSamples: 0 }));
    expect(bodies).toContainEqual(
      expect.objectContaining({
        rtlTcpListener: expect.objectContaining({ port: 1 }),
        ring: { seconds: 0.1, bytes: '65536' },
      }),
    );
  });

  test('its commands are what a shell makes of them', () => {
    const all = commands(page).map(words);
    expect(all).toHaveLength(Object.values(document.paths).flatMap(operationsOf).length);
    const certificate = ['--cacert', 'certs/ca.crt', '--cert', 'certs/client.crt', '--key', 'certs/client.key'];
    for (const command of all) {
      expect(command.slice(0, 6)).toEqual(certificate);
      expect(URL.canParse(command.at(-1) ?? '')).toBe(true);
    }
    const ending = (end: string) => all.find((command) => command.at(-1)?.endsWith(end))?.slice(6);
    expect(ending('/iq')).toEqual(['-N', 'https://localhost:8443/v1/stations/STATION_ID/iq']);
    const point = ending(':point') ?? [];
    expect(point[0]).toBe('--json');
    expect(JSON.parse(point[1] ?? '')).toEqual({ azimuthDeg: 0, elevationDeg: 0, polarizationDeg: 0 });
    expect(ending(':push')).toEqual([
      '-N',
      '-X',
      'POST',
      '-H',
      'content-type: application/x-ndjson',
      '-T',
      'messages.ndjson',
      'https://localhost:8443/v1/stations/STATION_ID/iq:push',
    ]);
  });

  test('keeps text that looks like markup as text', async () => {
    const hostile = HOSTILE.replaceAll('*/', '');
    const described = await fromProto(`
      // ${hostile} one.
      service S {
        // ${hostile} two.
        rpc Get(Q) returns (Q) { option (google.api.http) = { custom { kind: "PURGE" path: "/x'$(id)&y" } }; }
        // - ${hostile}
        // - \`${hostile}\`
        rpc Put(Q) returns (Q) { option (google.api.http) = { put: "/x'/{field}" body: "*" }; }
      }
      // ${hostile} three.
      message Q {
        // ${hostile} four.
        string field = 1 [json_name = "it's<b>"];
        // ${hostile} five.
        E kind = 2 [json_name = "it's"];
      }
      // ${hostile} six.
      enum E {
        // ${hostile} seven.
        ZERO = 0;
      }`);
    const hostilePage = docsPage({
      ...described.document,
      info: { title: HOSTILE, version: HOSTILE, description: HOSTILE },
    });
    expectSafe(hostilePage);
    expect(hostilePage).not.toContain('<b>');
    const json = commands(hostilePage)
      .map(words)
      .find((command) => command.includes('--json'));
    expect(JSON.parse(json?.[json.indexOf('--json') + 1] ?? '')).toEqual({ "it's": 'ZERO' });
  });
});

describe('the start page', () => {
  const STATION = {
    id: 'adsb',
    description: 'Mode S',
    state: 'STATION_STATE_RUNNING',
    sampleRateHz: 2e6,
    centerFrequencyHz: 1.09e9,
  };

  test('names the caller, the stations and the ways on', () => {
    const page = indexPage({ cn: 'oran-client', stations: [STATION], version: '1.2.3' });
    expectSafe(page);
    for (const text of [
      'oran-client',
      'href="/v1/stations/adsb"',
      'running',
      '1090 MHz',
      '2 MS/s',
      'Mode S',
      'href="/docs"',
      'href="/openapi.json"',
      '1.2.3',
    ]) {
      expect(page).toContain(text);
    }
  });

  test.each([
    ['none', [], 'There is none yet'],
    ['not readable', 'unreadable', 'could not be read'],
  ] as const)('stations: %s', (_, stations, sentence) => {
    const page = indexPage({ cn: 'x', stations, version: '1' });
    expectSafe(page);
    expect(page).toContain(sentence);
  });

  test('says nothing of stations where the backend has none of the kind', () => {
    const page = indexPage({ cn: 'x', stations: 'none', version: '1' });
    expectSafe(page);
    expect(page.toLowerCase()).not.toContain('station');
  });

  test('keeps text that looks like markup as text', () => {
    const page = indexPage({
      cn: HOSTILE,
      stations: [{ ...STATION, id: HOSTILE, description: HOSTILE, state: HOSTILE, sampleRateHz: Number.NaN }],
      version: HOSTILE,
    });
    expectSafe(page);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  });

  test.each([
    [0, '0 Hz'],
    [999, '999 Hz'],
    [2_400, '2.4 kHz'],
    [433_920_000, '433.92 MHz'],
    [1_090_000_000, '1090 MHz'],
    [14_250_000_000, '14.25 GHz'],
  ])('%d Hz is written %s', (centerFrequencyHz, text) => {
    expect(indexPage({ cn: 'x', stations: [{ ...STATION, centerFrequencyHz }], version: '1' })).toContain(`>${text}<`);
  });
});

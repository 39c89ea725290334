import { describe, expect, it } from '@jest/globals';
import { type ConfigSources, resolveConfig } from '../src/config.ts';
import { UsageError } from '../src/errors.ts';
import { type Config, environmentName, SETTINGS, type Setting } from '../src/settings.ts';

const sources = (given: Partial<ConfigSources> = {}): ConfigSources => ({
  flags: {},
  environment: {},
  file: undefined,
  ...given,
});
const file = (text: string) => ({ name: 'passband.yaml', text });

const ENTRIES = Object.entries(SETTINGS) as [keyof Config, Setting<unknown>][];

/** A value of each setting as people write it, and as it is then; three of them, so that a source can be told. */
const VALUES: Readonly<Record<string, readonly (readonly [string, unknown])[]>> = {
  port: [
    ['1', 1],
    ['2', 2],
    ['3', 3],
  ],
  'max-body-bytes': [
    ['1', 1],
    ['2', 2],
    ['3', 3],
  ],
  timeout: [
    ['0.5', 500],
    ['2', 2000],
    ['3.25', 3250],
  ],
  host: [
    ['a', 'a'],
    ['b', 'b'],
    ['c', 'c'],
  ],
  'log-level': [
    ['debug', 'debug'],
    ['warn', 'warn'],
    ['error', 'error'],
  ],
  backend: [
    ['a:1', 'a:1'],
    ['dns:///b:2', 'dns:///b:2'],
    ['[::1]:3', '[::1]:3'],
  ],
  proto: [
    ['a', ['a']],
    ['b', ['b']],
    ['c', ['c']],
  ],
};

describe.each(Object.entries(VALUES))('%s', (name, [flag, variable, line]) => {
  const [key, setting] = ENTRIES.find(([, known]) => known.name === name) ?? [];
  if (key === undefined || setting === undefined || flag === undefined || variable === undefined || line === undefined)
    throw new Error(name);
  const all = {
    flags: { [name]: setting.repeatable === true ? [flag[0]] : flag[0] },
    environment: { [environmentName(setting)]: variable[0] },
    file: file(`${name}: "${line[0]}"`),
  };

  it('is taken from the flag before the environment, from there before the file, and has a default', () => {
    expect(resolveConfig('gateway', all)[key]).toEqual(flag[1]);
    expect(resolveConfig('gateway', { ...all, flags: {} })[key]).toEqual(variable[1]);
    expect(resolveConfig('gateway', { ...all, flags: {}, environment: {} })[key]).toEqual(line[1]);
    const byDefault = resolveConfig('gateway', sources())[key];
    if (setting.byDefault === undefined) expect(byDefault).toEqual([]);
    else expect(byDefault).toEqual(setting.read([setting.byDefault]));
  });
});

describe('several values of one setting', () => {
  it('are repeated flags, commas in the environment, a list in the file', () => {
    const want = { proto: ['a', 'b'] };
    expect(resolveConfig('gateway', sources({ flags: { proto: ['a', 'b'] } }))).toMatchObject(want);
    expect(resolveConfig('gateway', sources({ environment: { PASSBAND_PROTO: 'a,b' } }))).toMatchObject(want);
    expect(resolveConfig('gateway', sources({ file: file('proto: [a, b]') }))).toMatchObject(want);
  });

  it('never mix between sources', () => {
    const both = sources({ flags: { proto: ['a'] }, environment: { PASSBAND_PROTO: 'b' } });
    expect(resolveConfig('gateway', both).proto).toEqual(['a']);
  });
});

it('leaves alone what belongs to another program: one environment serves them all', () => {
  expect(resolveConfig('backend', sources({ environment: { PASSBAND_PORT: 'not looked at' } })).port).toBe(8443);
});

it('gives a value that cannot be changed', () => {
  const config = resolveConfig('up', sources());
  expect(Object.isFrozen(config) && Object.isFrozen(config.proto)).toBe(true);
});

describe('a wrong value names where it is, what it is and what it must be', () => {
  it.each<readonly [Partial<ConfigSources>, RegExp]>([
    [{ flags: { port: 'http' } }, /^--port: "http": must be a whole number from 0 to 65535$/],
    [{ flags: { port: '65536' } }, /^--port: "65536": must be/],
    [{ flags: { 'log-level': 'loud' } }, /^--log-level: "loud": must be one of fatal, /],
    [{ flags: { timeout: 'soon' } }, /^--timeout: "soon": must be seconds from 0.001 to 3600$/],
    [{ flags: { timeout: '10', 'max-timeout': '5' } }, /^timeout must not be longer than max-timeout$/],
    [{ flags: { host: '300.1.1.1' } }, /^--host: "300.1.1.1": must be an IP address such as 127\.0\.0\.1/],
    [{ flags: { host: '1.2.3' } }, /^--host: "1.2.3": must be an IP address/],
    [{ flags: { 'metrics-host': '::1::' } }, /^--metrics-host: "::1::": must be an IP address/],
    [{ flags: { host: 'radio one' } }, /^--host: "radio one": must be .* a host name$/],
    [{ flags: { backend: 'radio' } }, /^--backend: "radio": must be HOST:PORT/],
    [{ flags: { 'max-body-bytes': '0' } }, /^--max-body-bytes: "0": must be/],
    [{ environment: { PASSBAND_PORT: '-1' } }, /^PASSBAND_PORT: "-1": must be/],
    [{ environment: { PASSBAND_CERTS: '' } }, /^PASSBAND_CERTS: "": must not be empty$/],
    [{ file: file('port: [') }, /^passband\.yaml:1:\d+: /],
    [{ file: file('- port') }, /^passband\.yaml:1:1: settings must be/],
    [{ file: file('port: 1\nprot: 2\n') }, /^passband\.yaml:2:1: "prot" is no setting$/],
    [{ file: file('host: x\nport: high\n') }, /^passband\.yaml:2:1: port: "high": must be/],
    [{ file: file('port: [1, 2]\n') }, /^passband\.yaml:1:1: port takes one value$/],
    [{ file: file('port: {a: 1}\n') }, /^passband\.yaml:1:1: port takes one value$/],
    [{ file: file('port: 1\nport: 2\n') }, /^passband\.yaml:2:1: /],
  ])('%j', (given, says) => {
    const resolve = () => resolveConfig('gateway', sources(given));
    expect(resolve).toThrow(UsageError);
    expect(resolve).toThrow(says);
  });
});

it.each(['::', '::1', '0.0.0.0', 'fe80::1%lo', 'localhost', 'radio-1.example'])('takes %j to listen on', (host) => {
  expect(resolveConfig('up', sources({ flags: { host, 'backend-host': host } }))).toMatchObject({
    host,
    backendHost: host,
  });
});

it.each([
  ['recordings-quota', 'recordingsQuotaBytes'],
  ['recordings-min-free', 'recordingsMinFreeBytes'],
] as const)('%s takes whole numbers up to the largest that is exact', (name, key) => {
  const given = (text: string): number => resolveConfig('up', sources({ flags: { [name]: text } }))[key];
  expect(['0', '2000000000000', '9007199254740991'].map(given)).toEqual([0, 2e12, Number.MAX_SAFE_INTEGER]);
  for (const text of ['9007199254740992', '9007199254740993', '90071992547409910']) {
    expect(() => given(text)).toThrow(`"${text}": must be a whole number of bytes from 0 to 9007199254740991`);
  }
});

it.each(['1e3', '0x10', ' 1', '1 ', '+1', '-1', '1.0', '', '١'])('takes no %j for a whole number', (text) => {
  expect(() => resolveConfig('up', sources({ flags: { port: text } }))).toThrow(UsageError);
});

it.each(ENTRIES.map(([, setting]) => [setting.name, setting] as const))(
  '%s has a default that it would take',
  (_name, setting) => {
    if (setting.byDefault === undefined) return expect(setting.help).toMatch(/default|repeatable|where it differs/);
    return expect(setting.read([setting.byDefault])).toBeDefined();
  },
);

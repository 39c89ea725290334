import { chmod, copyFile, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { runGateway } from '../../src/cli/run-gateway.ts';
import { resolveConfig } from '../../src/config.ts';
import { UsageError } from '../../src/errors.ts';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { noLog } from '../../src/observability/log.ts';
import { cli } from '../support/cli.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

/** A free port of this moment: whoever binds it, the test sees it. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

let pki: TestPki;
let folder: string;
let port: number;

beforeAll(async () => {
  port = await freePort();
});
beforeEach(async () => {
  pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), DEV_POLICY);
  folder = await mkdtemp(join(tmpdir(), 'passband-refusals-'));
});
afterEach(async () => {
  await pki.remove();
  await rm(folder, { recursive: true, force: true });
});

/** The `where` of its entry, line 6 of the file, names a field that StartStream does not have. */
const UNKNOWN_FIELD = `version: 1
rules:
  - name: operators
    subjects: ["cn:*"]
    allow:
      - { methods: ["sdr.oran.IQStreamService/StartStream"], where: { station: ["sim-1"] } }
`;

describe('a gateway that cannot be safe does not start, and says what to do', () => {
  const refused = async (says: RegExp): Promise<void> => {
    const flags = { port: String(port), 'metrics-port': '0', host: '127.0.0.1', certs: pki.dir };
    const config = resolveConfig('gateway', { flags, environment: {}, file: undefined });
    const started = runGateway(config, noLog, new Registry());
    await expect(started).rejects.toThrow(UsageError);
    await expect(started).rejects.toThrow(says);
  };

  it.each([
    ['ca.crt', /ca\.crt is missing/],
    ['server.crt', /server\.crt is missing/],
    ['server.key', /server\.key is missing/],
    ['gateway.key', /gateway\.key is missing/],
    ['policy.yaml', /policy\.yaml/],
  ])('without %s', async (name, says) => {
    await rm(join(pki.dir, name));
    await refused(says);
  });

  it.each(['server.key', 'gateway.key'])('when others may read %s', async (name) => {
    await chmod(join(pki.dir, name), 0o640);
    await refused(new RegExp(`${name.replace('.', '\\.')} may be read by others \\(mode 0640\\); run: chmod 600`));
  });

  it('with a CA file that is none', async () => {
    await writeFile(join(pki.dir, 'ca.crt'), 'trust me');
    await refused(/ca\.crt has no certificate in it/);
  });

  it.each([
    ['an empty policy', '', /policy\.yaml/],
    ['a policy without rules', 'version: 1\nrules: []\n', /policy\.yaml:2:\d+/],
    ['an unknown key', DEV_POLICY.replace('subjects:', 'subject:'), /policy\.yaml:\d+:\d+.*subject/],
    [
      'an unknown method',
      DEV_POLICY.replace('StationService/ListStations', 'StationServise/ListStations'),
      /policy\.yaml:\d+:\d+.*StationServise/,
    ],
    ['an unknown field', UNKNOWN_FIELD, /policy\.yaml:6:71: .*StartStream has no field "station"/],
    ['YAML that breaks off', 'version: 1\nrules: [', /policy\.yaml:2:\d+/],
  ])('with %s', async (_name, text, says) => {
    await writeFile(join(pki.dir, 'policy.yaml'), text);
    await refused(says);
  });

  it('on a port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    await refused(new RegExp(`port ${port} is in use; choose another with --port`));
    await new Promise((resolve) => taken.close(resolve));
  });
});

describe('the command line refuses in the same words', () => {
  it.each([
    ['no CA', () => rm(join(pki.dir, 'ca.crt')), /ca\.crt is missing/],
    [
      'a key that others may read',
      () => chmod(join(pki.dir, 'server.key'), 0o644),
      /server\.key may be read by others/,
    ],
    ['no policy', () => rm(join(pki.dir, 'policy.yaml')), /policy\.yaml/],
    [
      'a policy that looks at a field that is not there, with its place',
      () => writeFile(join(pki.dir, 'policy.yaml'), UNKNOWN_FIELD),
      /policy\.yaml:6:71: .*StartStream has no field "station"/,
    ],
  ])('%s', async (_name, spoil, says) => {
    await spoil();
    const args = ['--port', String(port), '--metrics-port', '0', '--host', '127.0.0.1', '--certs', pki.dir];
    const ended = await cli(['gateway', ...args]);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) });
    // A sentence for the operator, not a crash.
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  });
});

describe('a wrong setting names itself, ends with 2 and opens nothing', () => {
  it.each<readonly [string, readonly string[], Readonly<Record<string, string>>, RegExp]>([
    ['an unknown verb', ['serve'], {}, /serve/],
    ['an unknown flag', ['up', '--prot', '1'], {}, /--prot\b/],
    ['a flag without its value', ['up', '--port'], {}, /--port/],
    ['an argument too many', ['up', 'now'], {}, /argument/],
    ['a port that is none', ['up', '--port', 'http'], {}, /--port: "http": must be a whole number/],
    ['an address that is none', ['up', '--host', '300.1.1.1'], {}, /--host: "300\.1\.1\.1": must be an IP address/],
    ['a policy that is not there', ['up', '--policy', '/nonexistent.yaml'], {}, /\/nonexistent\.yaml cannot be read/],
    ['protos that are not there', ['gateway', '--proto', '/nonexistent.proto'], {}, /nonexistent\.proto/],
    ['a variable that is no port', ['up'], { PASSBAND_PORT: '-1' }, /PASSBAND_PORT: "-1"/],
    ['a file that is not there', ['up', '--config', '/nonexistent.yaml'], {}, /--config \/nonexistent\.yaml/],
  ])('%s', async (_name, args, environment, says) => {
    const ended = await cli(args, environment, folder);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) });
    // `up` would have made certificates; nothing was begun.
    expect(await readdir(folder)).toEqual([]);
  });

  it('a wrong line of the settings file', async () => {
    await writeFile(join(folder, 'settings.yaml'), 'host: x\nport: high\n');
    const ended = await cli(['up', '--config', 'settings.yaml'], {}, folder);
    expect(ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/settings\.yaml:2:1: port: "high"/),
    });
    expect(await readdir(folder)).toEqual(['settings.yaml']);
  });
});

describe('up writes nothing beside a mistake in what it finds', () => {
  it.each([
    ['a policy that is wrong', 'policy.yaml', 'version: 1\nrules: []\n', /policy\.yaml:2:8/],
    ['a certificate that is none', 'server.crt', 'trust me', /server\.crt has no certificate in it/],
  ])('%s', async (_name, name, text, says) => {
    for (const there of ['ca.crt', 'ca.key', 'server.crt', 'server.key']) {
      await copyFile(join(pki.dir, there), join(folder, there));
    }
    await writeFile(join(folder, name), text);
    const before = await readdir(folder);
    const ended = await cli(['up', '--certs', folder]);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(says) });
    expect(await readdir(folder)).toEqual(before);
  });
});

describe('where nobody can listen', () => {
  /** Flags of free ports and of loopback for whoever listens in a program. */
  const FREE = ['--metrics-port', '0', '--backend-port', '0', '--backend-host', '127.0.0.1'];
  const WHERE: readonly (readonly [program: string, host: string, port: string, free: readonly string[]])[] = [
    ['gateway', 'host', 'port', FREE.slice(0, 2)],
    ['backend', 'backend-host', 'backend-port', FREE.slice(0, 2)],
    ['gateway', 'metrics-host', 'metrics-port', ['--host', '127.0.0.1', '--port', '0']],
    ['up', 'host', 'port', FREE],
    ['up', 'backend-host', 'backend-port', [...FREE.slice(0, 2), '--host', '127.0.0.1', '--port', '0']],
  ];
  let taken: Server;
  let takenPort: string;
  beforeAll(async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    takenPort = String((taken.address() as AddressInfo).port);
  });
  afterAll(() => new Promise((resolve) => taken.close(resolve)));

  const refused = async (args: readonly string[], says: string): Promise<void> => {
    const ended = await cli([...args, '--certs', pki.dir, '--log-level', 'silent']);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(says) });
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  };

  it.each(WHERE)('%s with --%s says that the port of --%s is taken', async (program, host, port, free) => {
    const args = [program, ...free, `--${host}`, '127.0.0.1', `--${port}`, takenPort];
    await refused(args, `port ${takenPort} is in use; choose another with --${port}, or 0 for any free one`);
  });

  // 192.0.2.0/24 is for documentation (RFC 5737): nobody's address.
  it.each(WHERE)('%s says that --%s is no address of this machine', async (program, host, port, free) => {
    const args = [program, ...free, `--${host}`, '192.0.2.1', `--${port}`, '0'];
    await refused(args, `--${host} 192.0.2.1 is no address of this machine; name one that is, or :: for all`);
  });

  it.each([
    ['gateway', ['policy.yaml', 'ca.crt', 'server.key', 'gateway.key']],
    ['backend', ['policy.yaml', 'ca.crt', 'backend.key']],
    ['up', ['server.key', 'backend.key']],
  ] as const)('%s proves its files first', async (program, names) => {
    for (const name of names) {
      const file = join(pki.dir, name);
      await rename(file, `${file}.away`);
      await refused([program, '--metrics-port', takenPort], name);
      await rename(`${file}.away`, file);
    }
  });
});

describe('--help', () => {
  it.each([
    [[], /up.*gateway.*backend.*pki.*openapi.*policy/s],
    [['up'], /--port <port>.*8443.*PASSBAND_/s],
    [['gateway'], /--proto <dir\|file>.*--backend <host:port>.*PASSBAND_/s],
    [['backend'], /--backend-port <port>.*50051/s],
    [['pki'], /init/],
    [['openapi'], /--proto|--check/],
    [['policy'], /check|test|explain/],
  ])('of %j teaches and ends with 0', async (verb, says) => {
    const ended = await cli([...verb, '--help']);
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(says) });
  });
});

afterAll(async () => {
  // Nothing of the above bound the port that it was given.
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  await new Promise((resolve) => server.close(resolve));
});

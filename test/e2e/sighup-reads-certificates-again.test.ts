import { randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { CliProcess } from '../support/cli.ts';
import { callerOf } from '../support/https.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { replaceFile } from '../support/revocation.ts';
import { until } from '../support/until.ts';

let pki: TestPki;
/** The backend has a folder of its own, so that each program is told alone. */
let backendCerts: string;
let backend: CliProcess;
let gateway: CliProcess;
let ports: { readonly backend: number; readonly gateway: number };

beforeAll(async () => {
  pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), DEV_POLICY);
  backendCerts = `${pki.dir}-${randomUUID()}`;
  await cp(pki.dir, backendCerts, { recursive: true });
  const common = ['--metrics-port', '0', '--log-level', 'info'];
  const own = ['--backend-port', '0', '--backend-host', '127.0.0.1', '--certs', backendCerts];
  backend = new CliProcess(['backend', ...common, ...own]);
  const backendPort = Number(await backend.says(/^backend +\S*?:(\d+)/m));
  const front = ['--port', '0', '--host', '127.0.0.1', '--certs', pki.dir, '--backend', `localhost:${backendPort}`];
  gateway = new CliProcess(['gateway', ...common, ...front]);
  ports = { backend: backendPort, gateway: Number(await gateway.says(/^gateway +https:\/\/\S+?:(\d+)/m)) };
});
afterAll(async () => {
  gateway?.kill();
  backend?.kill();
  await rm(backendCerts, { recursive: true, force: true });
  await pki?.remove();
});

/** The serial number of the certificate that a port shows. */
async function shownAt(port: number): Promise<string> {
  const { certPem: cert, keyPem: key } = await pki.pair('gateway');
  const socket = connect({ host: 'localhost', port, ca: pki.caPem, cert, key, ALPNProtocols: ['h2'] });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerX509Certificate() ?? {};
  socket.destroy();
  return serialNumber ?? '';
}

/** Messages of the log lines since some place in it, of files alone. */
function said(program: CliProcess, since: number): readonly string[] {
  const lines = program.stderr.slice(since).split('\n').slice(0, -1);
  const whole = lines.filter((line) => line.startsWith('{'));
  return whole.map((line) => JSON.parse(line)).flatMap(({ msg }) => (/files/.test(msg) ? [msg] : []));
}

/** Gives a program another certificate, and a list that has a client on it, and tells it so. */
async function replace(program: CliProcess, dir: string, name: string, revoked: TestFiles): Promise<string> {
  const cn = name === 'server' ? 'localhost' : 'passband-backend';
  const made = await pki.issue({ cn, eku: 'server', dns: ['localhost'], ip: ['127.0.0.1'] });
  const since = program.stderr.length;
  await replaceFile(join(dir, `${name}.crt`), made.certPem);
  await replaceFile(join(dir, `${name}.key`), made.keyPem, 0o600);
  await pki.crl([new X509Certificate(revoked.certPem).serialNumber], { file: join(dir, 'crl.pem') });
  program.child.kill('SIGHUP');
  await until('the files are in use', () => said(program, since).includes('all files are in use'));
  const lines = said(program, since);
  // What changed is in use when that is said, and not only when somebody looks at the files the next time.
  expect(lines.indexOf('changed files are in use')).toBeGreaterThanOrEqual(0);
  expect(lines.indexOf('changed files are in use')).toBeLessThan(lines.indexOf('all files are in use'));
  return new X509Certificate(made.certPem).serialNumber;
}

test('the gateway by itself: another certificate and a revocation', async () => {
  const client = await pki.issue();
  const status = async (pair: TestFiles): Promise<number> => {
    const caller = callerOf(`https://localhost:${ports.gateway}`, pki.caPem, pair);
    const answer = await caller.call('/v1/stations');
    await caller.close();
    return answer.status;
  };
  expect(await status(client)).toBe(200);
  const serial = await replace(gateway, pki.dir, 'server', client);
  expect([await shownAt(ports.gateway), await status(client)]).toEqual([serial, 401]);
  expect(await status(await pki.issue())).toBe(200);
});

test('the backend by itself: the same', async () => {
  const client = await pki.issue();
  const code = async (pair: TestFiles): Promise<number> => {
    const secure = [pki.caPem, pair.keyPem, pair.certPem].map((pem) => Buffer.from(pem));
    const caller = new Client(`localhost:${ports.backend}`, credentials.createSsl(secure[0], secure[1], secure[2]), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const asIs = (bytes: Buffer): Buffer => bytes;
    const answer = await new Promise<number>((resolve) => {
      const done = (error: ServiceError | null): void => resolve(error?.code ?? 0);
      caller.makeUnaryRequest('/sdr.oran.StationService/ListStations', asIs, asIs, Buffer.alloc(0), done);
    });
    caller.close();
    return answer;
  };
  expect(await code(client)).toBe(0);
  const serial = await replace(backend, backendCerts, 'backend', client);
  expect([await shownAt(ports.backend), await code(client)]).toEqual([serial, 16]);
  expect(await code(await pki.issue())).toBe(0);
});

// needs: python-grpc, curl
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { type RunningGateway, runGateway } from '../../src/cli/run-gateway.ts';
import { resolveConfig } from '../../src/config.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { curlOf } from '../support/curl.ts';
import { run } from '../support/run.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { type CertificateFolder, madeFolder } from './folders.ts';

const PYTHON = '/usr/bin/python3';
const PEER = join(PACKAGE_ROOT, 'test', 'interop', 'grpc-peer.py');
const LIST = '/sdr.oran.StationService/ListStations';

const KINDS: readonly (readonly [what: string, algorithm: KeyAlgorithm, issuing: boolean])[] = [
  ['P-256', 'p256', false],
  ['P-384', 'p384', false],
  ['RSA 2048', 'rsa2048', false],
  ['Ed25519', 'ed25519', false],
  ['P-256 under an issuing CA', 'p256', true],
];

let folder: CertificateFolder;
const file = (name: string): string => join(folder.dir, name);
const call = (port: number, name: string): ReturnType<typeof run> =>
  run(PYTHON, [PEER, 'client', String(port), file('ca.crt'), file(`${name}.crt`), file(`${name}.key`), LIST]);

function startGateway(certs: string, backendPort: number): Promise<RunningGateway> {
  const flags = { certs, host: '127.0.0.1', port: '0', 'metrics-port': '0', backend: `localhost:${backendPort}` };
  const config = resolveConfig('gateway', { flags, environment: {}, file: undefined });
  return runGateway(config, pino({ level: 'silent' }), new Registry());
}

describe.each(KINDS)('%s', (_, algorithm, issuing) => {
  beforeAll(async () => {
    folder = await madeFolder(algorithm, issuing);
  });
  afterAll(() => folder.remove());

  test('a Python client calls the backend', async () => {
    const stack = await startStack({ flags: { certs: folder.dir } });
    try {
      expect(await call(stack.backendPort, 'client')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^OK [1-9]/),
      });
    } finally {
      await stack.close();
    }
  });

  test('the gateway calls a Python server, which knows who it is', async () => {
    const server = spawn(PYTHON, ['-u', PEER, 'server', file('ca.crt'), file('backend.crt'), file('backend.key')]);
    let said = '';
    server.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    const ended = once(server, 'close');
    try {
      const port = await until(
        'the server says its port',
        () => /PORT (\d+)/.exec(said)?.[1],
        (seen) => seen !== undefined,
      );
      const gateway = await startGateway(folder.dir, Number(port));
      try {
        const curl = curlOf(`https://localhost:${gateway.port}`, folder.dir);
        const { status, contentType } = await curl('/v1/stations');
        expect([status, contentType]).toEqual([200, expect.stringContaining('application/json')]);
        expect(said).toContain(`CALL ${LIST} passband-gateway\n`);
      } finally {
        await gateway.close(1000);
      }
    } finally {
      server.kill();
      await ended;
    }
  });
});

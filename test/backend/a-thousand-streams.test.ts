import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { noLog } from '../../src/observability/log.ts';
import { openReloadable } from '../../src/trust/files.ts';
import { type Material, materialFiles } from '../../src/trust/material.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { BackendUnderTest, backendMaterial, policyOf } from './backend-under-test.ts';
import { FrameRun } from './frame-run.ts';

const STREAMS = 1000;
/**
 * Clients have processes, and connections, of their own, so that it is the backend that is measured; and each reads a station of
 * its own, as one holder has 512 of a station's readers at most.
 */
const STATIONS = ['narrow-1', 'narrow-2'];

const POLICY = 'version: 1\nrules: [{ name: fleet, subjects: ["cn:fleet-*"], allow: [{ methods: ["*"] }] }]';

/** A radio so narrow that a thousand readers of it leave the machine time for the rest. */
const narrow = (stationId: string) => ({
  stationId,
  description: 'one frame a second',
  source: {
    kind: 'sim' as const,
    seed: 1,
    sampleRateHz: 1024,
    centerFrequencyHz: 1e8,
    carriers: [{ offsetHz: 100, powerDbfs: -12 }],
    noiseDbfs: -32,
  },
});

interface ManyStreams {
  readonly ends: Promise<readonly { readonly code: number; readonly atMs: number }[]>;
}

/** Opens streams in a process of its own; resolves when all are open. */
async function manyStreams(port: number, { dir }: TestPki, who: TestFiles, station: string): Promise<ManyStreams> {
  const script = fileURLToPath(new URL('many-streams.ts', import.meta.url));
  const args = [
    script,
    String(port),
    join(dir, 'ca.crt'),
    who.certFile,
    who.keyFile,
    String(STREAMS / STATIONS.length),
    station,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  expect(await next()).toBe('open');
  return { ends: next().then((line) => JSON.parse(line)) };
}

it('a revoked client loses a thousand open streams at once', async () => {
  const pki = await makeTestPki();
  const files = materialFiles(pki.dir, ['backend'], { crlFiles: [] });
  const load = (before?: Material<'backend'>): Promise<Material<'backend'>> => backendMaterial(pki, before);
  const material = await openReloadable({ what: 'certificates', files, load, log: noLog });
  const backend = await BackendUnderTest.start({
    pki,
    material,
    policy: policyOf(POLICY),
    stations: STATIONS.map(narrow),
  });
  try {
    const [lost, other] = [await pki.issue({ cn: 'fleet-lost' }), await pki.issue({ cn: 'fleet-other' })];
    const iq = await backend.client('sdr.oran.IQStreamService', other);
    const theirs = new FrameRun(iq.stream('SubscribeIQ', { station_id: 'narrow-1', batch_size_samples: 512 }));
    await theirs.more(1);
    const mine = await Promise.all(STATIONS.map((station) => manyStreams(backend.backend.port, pki, lost, station)));

    const revokedMs = Date.now();
    await pki.revoke(lost.certPem);
    const ends = (await Promise.all(mine.map(({ ends }) => ends))).flat();
    await backend.connectionsBecome(1);
    const cutMs = Date.now() - revokedMs;
    const tookMs = ends.map(({ atMs }) => atMs - revokedMs).sort((a, b) => a - b);
    const p99Ms = tookMs[Math.floor(tookMs.length * 0.99)] ?? 0;
    process.stdout.write(
      `${STREAMS} gRPC streams: from the new revocation list to the status, p99 ${p99Ms} ms; connections cut after ${cutMs} ms\n`,
    );
    expect(ends).toHaveLength(STREAMS);
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([16]));
    // The promise is 1 s, of a machine that has nothing else to do.
    expect(p99Ms).toBeLessThan(10_000);
    await theirs.more(2);
    expect(theirs.ended).toBe(false);
    theirs.stream.cancel();
  } finally {
    await backend.stop();
    material.close();
    await pki.remove();
  }
}, 60_000);

// How many samples one producer can push: a backend, and the producer in a process of its own, over gRPC with mutual TLS.
// usage: node bench/push.ts [--seconds 8] [--samples 8192]
// The station's rate is the highest there is, 61.44 MS/s, so that its pace holds nothing back below that.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { messageType } from '../src/backend/protos.ts';
import { startBackend } from '../src/backend/server.ts';
import { loadKnownMethods } from '../src/cli/known-methods.ts';
import { DEV_POLICY, parsePolicy } from '../src/gateway/guard/policy.ts';
import { openChannel } from '../src/gateway/upstream/channel.ts';
import { ensureDevPki } from '../src/pki/dev.ts';
import { loadTlsMaterial } from '../src/pki/tls-files.ts';
import { loadMaterial } from '../src/trust/material.ts';
import { unchanging } from '../src/trust/reloadable.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    samples: { type: 'string', default: '8192' },
    certs: { type: 'string' },
    port: { type: 'string' },
  },
});
const STATION_ID = 'bench';
const RATE_HZ = 61_440_000;
const seconds = Number(values.seconds);
const samples = Number(values.samples);

/** The producer: as many batches as are taken. */
async function push(certs: string, port: string): Promise<void> {
  const tls = await loadTlsMaterial(certs, 'client');
  const client = openChannel({ backend: `localhost:${port}`, tls, serviceConfig: {} });
  const message = messageType('sdr.oran.IQSampleBatch');
  const head = message.serialize({
    station_id: STATION_ID,
    sample_rate: RATE_HZ,
    samples: Array.from({ length: 2 * samples }, (_, i) => Math.sin(i)),
  });
  const asIs = (bytes: Buffer): Buffer => bytes;
  const call = client.makeBidiStreamRequest('/sdr.oran.IQStreamService/StreamIQ', asIs, asIs);
  let acks = 0;
  call.on('data', () => {
    acks++;
  });
  const ended = once(call, 'end');
  const startMs = performance.now();
  for (let n = 1; performance.now() - startMs < 1000 * seconds; n++) {
    // Samples never change, so only the number is encoded anew.
    const batch = Buffer.concat([head, message.serialize({ sequence_number: n })]);
    if (!call.write(batch)) await once(call, 'drain');
  }
  call.end();
  await ended;
  const tookS = (performance.now() - startMs) / 1000;
  const rate = (acks * samples) / tookS / 1e6;
  process.stdout.write(`${acks} batches of ${samples} samples in ${tookS.toFixed(1)} s: ${rate.toFixed(1)} MS/s\n`);
  client.close();
}

async function measure(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'passband-bench-'));
  try {
    await ensureDevPki(dir);
    await measureIn(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measureIn(dir: string): Promise<void> {
  const source = { kind: 'push', datatype: 'cf32_le', sampleRateHz: RATE_HZ, centerFrequencyHz: 100e6 } as const;
  const backend = await startBackend({
    host: '127.0.0.1',
    port: 0,
    material: unchanging(await loadMaterial(dir, ['backend'], { crlFiles: [], staleLists: 'refuse' })),
    policy: unchanging(parsePolicy(DEV_POLICY, 'policy.yaml', await loadKnownMethods([]))),
    stations: [{ stationId: STATION_ID, description: '', source }],
    log: pino({ level: 'warn' }),
  });
  try {
    const before = process.cpuUsage();
    const text = await producer(dir, String(backend.port));
    const { user, system } = process.cpuUsage(before);
    const megasamples = (Number(/^\d+/.exec(text)?.[0]) * samples) / 1e6;
    process.stdout.write(text);
    process.stdout.write(
      `CPU of the backend per million samples: ${((user + system) / 1000 / megasamples).toFixed(1)} ms\n`,
    );
    const load = loadavg().map((value) => value.toFixed(1));
    process.stdout.write(`load of the machine: ${load.join(' ')}\n`);
  } finally {
    await backend.close(1000);
  }
}

/** What the producer prints, a process of its own. */
async function producer(certs: string, port: string): Promise<string> {
  const args = ['--certs', certs, '--port', port, '--seconds', values.seconds, '--samples', values.samples];
  const child = spawn(process.execPath, [import.meta.filename, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the producer ended with ${code}`);
  return text;
}

if (values.certs === undefined || values.port === undefined) await measure();
else await push(values.certs, values.port);

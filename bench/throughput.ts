// How fast IQ leaves the gateway as server-sent events, as a ratio to a bare grpc-js receive of the same stream.
// Three processes each time: a backend that sends flat out, the gateway (for SSE), a receiver that counts.
// usage: npm run bench [-- --runs 5 --frames 4000 --samples 8192]
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { DEV_POLICY } from '../src/gateway/guard/policy.ts';
import { ensureDevPki } from '../src/pki/dev.ts';
import { cpuSeconds, start, startGateway, stop } from './process.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    frames: { type: 'string', default: '4000' },
    samples: { type: 'string', default: '8192' },
  },
});
const runs = Number(values.runs);
const frames = Number(values.frames);
const samples = Number(values.samples);

const here = import.meta.dirname;
const certs = mkdtempSync(join(tmpdir(), 'passband-bench-'));
await ensureDevPki(certs);
writeFileSync(join(certs, 'policy.yaml'), DEV_POLICY);

interface Received {
  readonly seconds: number;
  readonly bytes: number;
  readonly cpuSeconds: number;
}

async function receive(kind: string, port: string): Promise<Received> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(here, 'receive.ts'), kind, certs, port]);
  return JSON.parse(stdout) as Received;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const round = (value: number, digits = 2): string => value.toFixed(digits);

const backend = await start([join(here, 'flat-out-backend.ts'), certs, values.samples, values.frames], /^(\d+)\n/);
const gateway = await startGateway(certs, backend.port);
const results: { grpc: number; sse: number; gatewayCpu: number }[] = [];
try {
  for (let run = 0; run <= runs; run++) {
    const grpc = await receive('grpc', backend.port);
    const before = cpuSeconds(gateway.child);
    const sse = await receive('sse', gateway.port);
    const gatewayCpu = cpuSeconds(gateway.child) - before;
    const megabytes = (frames * samples * 8) / 1e6;
    const row = { grpc: megabytes / grpc.seconds, sse: megabytes / sse.seconds, gatewayCpu };
    process.stdout.write(
      `${run === 0 ? 'warm-up' : `run ${run}  `}  grpc ${round(row.grpc, 0)} MB/s   sse ${round(row.sse, 0)} MB/s   ratio ${round(row.sse / row.grpc)}   gateway CPU ${round(gatewayCpu)} s\n`,
    );
    if (run > 0) results.push(row);
  }
} finally {
  await stop(gateway.child);
  await stop(backend.child);
  rmSync(certs, { recursive: true, force: true });
}
const megasamples = (frames * samples) / 1e6;
process.stdout.write(
  [
    '',
    `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}; ${frames} frames of ${samples} samples cf32_le (${round(megasamples, 1)} MS), ${runs} runs, medians`,
    `SSE through the gateway / bare grpc-js receive: ${round(median(results.map(({ sse, grpc }) => sse / grpc)))}`,
    `SSE: ${round(median(results.map(({ sse }) => sse)), 0)} MB/s of samples = ${round(median(results.map(({ sse }) => sse)) / 8, 1)} MS/s`,
    `gateway CPU per million samples: ${round(median(results.map(({ gatewayCpu }) => (gatewayCpu / megasamples) * 1000)), 1)} ms`,
    '',
  ].join('\n'),
);

// Samples from a source to a consumer in another process over gRPC with mutual TLS, in real time: what is lost, how late
// they come, and what it costs.
// usage: npm run build && node bench/iq.ts [--seconds 60] [--rate 10000000] [--samples 16384] [--cpu-prof DIR]
// NODE_OPTIONS are the consumer's and the backend's; the backend sets for itself what docs/operations.md says of it
// ends with 1 when a sample was lost or wrong
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { DEV_POLICY } from '../src/gateway/guard/policy.ts';
import { ensureDevPki } from '../src/pki/dev.ts';
import { stationsFile } from './iq-station.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '10000000' },
    samples: { type: 'string', default: '16384' },
    'cpu-prof': { type: 'string' },
  },
});
/** Young generation of the consumer, MB: it throws away its frames as well, and its pauses would be taken for the backend's. */
const CONSUMER_FLAGS = ['--max-semi-space-size=1'];
/** Clock ticks a second in /proc/PID/stat; fixed for user space on Linux. */
const TICKS_PER_SECOND = 100;
const BYTES_PER_SAMPLE = 8;

const here = import.meta.dirname;
const dir = mkdtempSync(join(tmpdir(), 'passband-bench-'));
await ensureDevPki(dir);
writeFileSync(join(dir, 'policy.yaml'), DEV_POLICY);
const stations = join(dir, 'stations.yaml');
writeFileSync(stations, stationsFile(Number(values.rate)));

interface Backend {
  readonly child: ChildProcess;
  readonly port: string;
  /** Where it tells its metrics. */
  readonly metrics: string;
}

async function startBackend(): Promise<Backend> {
  const profile = values['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`];
  const main = join(here, '..', 'dist', 'cli', 'main.js');
  const flags = ['--backend-port', '0', '--metrics-port', '0', '--backend-host', '127.0.0.1', '--log-level', 'warn'];
  const args = [...profile, main, 'backend', ...flags, '--certs', dir, '--data', dir, '--stations', stations];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk;
    const port = /grpcs:\S+:(\d+)/.exec(text)?.[1];
    const metrics = /http:\S+/.exec(text)?.[0];
    if (port === undefined || metrics === undefined || !text.endsWith('\n')) continue;
    child.stdout.resume();
    return { child, port, metrics };
  }
  throw new Error(`the backend ended before it listened: ${text}`);
}

/** CPU seconds of a process so far, user and system, and the most memory it had, MB. */
function costOf({ pid }: ChildProcess): { readonly cpuSeconds: number; readonly peakRssMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND, peakRssMb: Number(peak) / 1024 };
}

interface Heap {
  /** Seconds of garbage collection so far, by kind. */
  readonly collections: ReadonlyMap<string, number>;
  /** Bytes of the young generation at this moment. */
  readonly youngBytes: number;
}

async function heapOf({ metrics }: Backend): Promise<Heap> {
  const text = await (await fetch(metrics)).text();
  const collections = new Map<string, number>();
  for (const [, kind = '', seconds] of text.matchAll(/^nodejs_gc_duration_seconds_sum\{kind="(\w+)"\} (\S+)$/gm)) {
    collections.set(kind, Number(seconds));
  }
  const young = /^nodejs_heap_space_size_total_bytes\{space="new"\} (\S+)$/m.exec(text)?.[1];
  return { collections, youngBytes: Number(young) };
}

const ms = (value: number | null): string => `${value?.toFixed(2) ?? '?'} ms`;
const load = (): string =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

const loadBefore = load();
const backend = await startBackend();
let failed = true;
try {
  const before = costOf(backend.child).cpuSeconds;
  const heapBefore = await heapOf(backend);
  const started = performance.now();
  const args = [join(here, 'iq-consumer.ts'), dir, backend.port, values.seconds, values.rate, values.samples];
  const { stdout } = await promisify(execFile)(process.execPath, [...CONSUMER_FLAGS, ...args]);
  const seen = JSON.parse(stdout);
  const { cpuSeconds, peakRssMb } = costOf(backend.child);
  const heap = await heapOf(backend);
  const collections = [...heap.collections].map(([kind, seconds]) => {
    const here = seconds - (heapBefore.collections.get(kind) ?? 0);
    return `${kind} ${here.toFixed(2)} s`;
  });
  const wallSeconds = (performance.now() - started) / 1000;
  failed = seen.fault !== undefined || seen.lost !== 0 || seen.wrong !== 0 || seen.compared === 0;
  const megabytes = (Number(values.rate) * BYTES_PER_SAMPLE) / 1e6;
  console.log(
    [
      `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}; load before ${loadBefore}, after ${load()}`,
      `flags of the backend: its own, of the consumer: ${CONSUMER_FLAGS.join(' ')}; NODE_OPTIONS of both: ${process.env.NODE_OPTIONS ?? 'none'}; young generation of the backend at the end ${(heap.youngBytes / 2 ** 20).toFixed(1)} MB`,
      `${Number(values.rate) / 1e6} MS/s cf32_le (${megabytes} MB/s) in frames of ${values.samples} samples, ${seen.seconds.toFixed(0)} s`,
      ...(seen.fault === undefined ? [] : [`the stream ended: ${seen.fault}`]),
      `samples received ${seen.samples}, lost ${seen.lost}; frames ${seen.frames}, compared ${seen.compared}, wrong ${seen.wrong}`,
      `from a frame's last sample to its arrival: p50 ${ms(seen.latencyMs.p50)}, p99 ${ms(seen.latencyMs.p99)}, p99.9 ${ms(seen.latencyMs.p999)}, max ${ms(seen.latencyMs.max)}`,
      `CPU of the backend ${(((cpuSeconds - before) / seen.samples) * 1e9).toFixed(1)} ms per million samples; its collections of garbage: ${collections.join(', ')}`,
      `CPU of the backend ${((cpuSeconds - before) / wallSeconds).toFixed(2)} cores, of the consumer ${(seen.cpuSeconds / seen.seconds).toFixed(2)} cores`,
      `peak memory of the backend ${peakRssMb.toFixed(0)} MB, of the consumer ${seen.peakRssMb.toFixed(0)} MB`,
    ].join('\n'),
  );
} finally {
  backend.child.kill('SIGTERM');
  if (backend.child.exitCode === null && backend.child.signalCode === null) await once(backend.child, 'exit');
  rmSync(dir, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

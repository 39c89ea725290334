// Samples from a source to a consumer in another process over gRPC with mutual TLS, in real time: what is lost, how late
// they come, and what it costs.
// usage: node bench/iq.ts [--seconds 60] [--rate 10000000] [--samples 16384] [--cpu-prof DIR]
// NODE_OPTIONS are the consumer's and the backend's; the backend sets for itself what docs/operations.md says of it
// ends with 1 when a sample was lost or wrong
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { ensureDevPki } from '../src/pki/dev.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '10000000' },
    samples: { type: 'string', default: '16384' },
    'cpu-prof': { type: 'string' },
  },
});
/** The consumer throws away its frames as well, and its pauses would be taken for the backend's. */
const CONSUMER_FLAGS = ['--max-semi-space-size=1', '--heap-growing-percent=300'];
/** As often as the source hands over samples at high rates; this process does nothing else. */
const IDLE_TIMER_MS = 2;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const BYTES_PER_SAMPLE = 8;

const here = import.meta.dirname;
const dir = mkdtempSync(join(tmpdir(), 'passband-bench-'));
await ensureDevPki(dir);

const ms = (value: number): string => `${value.toFixed(2)} ms`;
const load = (): string =>
  loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');

function quantiles(unsorted: readonly number[]): string {
  const sorted = Float64Array.from(unsorted).sort();
  const at = (part: number): string =>
    ms(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN);
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, p99.9 ${at(0.999)}, max ${at(1)}`;
}

/** Milliseconds by which a timer of this process, which does nothing, was late: what the machine alone adds. */
function watchIdleness(): readonly number[] {
  const lateMs: number[] = [];
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    lateMs.push(Math.max(0, now - last - IDLE_TIMER_MS));
    last = now;
  }, IDLE_TIMER_MS).unref();
  return lateMs;
}

/** From the time at which a frame's last sample was handed over by the source to the frame's arrival, ms. */
function addedMs(frames: readonly [endMs: number, arrivedMs: number][], handedOverMs: readonly number[]): number[] {
  let at = 0;
  return frames.map(([endMs, arrivedMs]) => {
    while (at < handedOverMs.length - 1 && (handedOverMs[at] ?? 0) < endMs) at++;
    return arrivedMs - (handedOverMs[at] ?? Number.NaN);
  });
}

const loadBefore = load();
const profile = values['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`];
const backend = spawn(process.execPath, [...profile, join(here, 'iq-backend.ts'), dir, values.rate], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
let failed = true;
try {
  const lines = createInterface(backend.stdout)[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => (await lines.next()).value ?? '';
  const port = await nextLine();
  const idle = watchIdleness();
  const args = [join(here, 'iq-consumer.ts'), dir, port, values.seconds, values.rate, values.samples];
  const { stdout } = await promisify(execFile)(process.execPath, [...CONSUMER_FLAGS, ...args], {
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const seen = JSON.parse(stdout);
  backend.stdin.write('end\n');
  const { handedOverMs, gc, cpuSeconds, peakRssMb } = JSON.parse(await nextLine());
  failed = seen.fault !== undefined || seen.lost !== 0 || seen.wrong !== 0 || seen.compared === 0;
  const megabytes = (Number(values.rate) * BYTES_PER_SAMPLE) / 1e6;
  const sinceDue = seen.arrivals.map(([endMs, arrivedMs]: [number, number]) => arrivedMs - endMs);
  console.log(
    [
      `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}; load before ${loadBefore}, after ${load()}`,
      `flags of the backend: its own, of the consumer: ${CONSUMER_FLAGS.join(' ')}; NODE_OPTIONS of both: ${process.env.NODE_OPTIONS ?? 'none'}`,
      `${Number(values.rate) / 1e6} MS/s cf32_le (${megabytes} MB/s) in frames of ${values.samples} samples, ${seen.seconds.toFixed(0)} s`,
      ...(seen.fault === undefined ? [] : [`the stream ended: ${seen.fault}`]),
      `samples received ${seen.samples}, lost ${seen.lost}; frames ${seen.frames}, compared ${seen.compared}, wrong ${seen.wrong}`,
      `from the source's handing over a frame's last sample to its arrival: ${quantiles(addedMs(seen.arrivals, handedOverMs))}`,
      `from the time of its last sample to its arrival: ${quantiles(sinceDue)}`,
      `a timer of a process that does nothing, late by: ${quantiles(idle)}`,
      `CPU of the backend ${((cpuSeconds / seen.samples) * 1e9).toFixed(1)} ms per million samples, ${(cpuSeconds / seen.totalSeconds).toFixed(2)} cores; of the consumer ${(seen.cpuSeconds / seen.seconds).toFixed(2)} cores`,
      `collections of garbage in the backend: ${gc.seconds.toFixed(2)} s, longest ${ms(gc.longestMs)}, of the whole heap ${gc.wholeHeap}`,
      `peak memory of the backend ${peakRssMb.toFixed(0)} MB, of the consumer ${seen.peakRssMb.toFixed(0)} MB`,
    ].join('\n'),
  );
} finally {
  if (backend.exitCode === null && backend.signalCode === null) {
    backend.kill('SIGTERM');
    await once(backend, 'exit');
  }
  rmSync(dir, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

// How long open streams, and the connections that they are on, outlive the right to them. A thousand streams of ten
// certificates on ten HTTP/2 connections lose it in turn by a revocation list, by the policy, by a bundle without their
// authority, and as their certificates run out; at the gateway as server-sent events, at the backend as gRPC. Milliseconds from the
// rename of the file, or from notAfter, to `event: end` or the call's status, and to the connection's close, at the reader.
// Gateway, backend and readers are processes of their own. Ends with 1 where the p99 of a round is over --max-ms.
// usage: npm run build && node bench/revocation.ts [--rounds 5 --streams 1000 --max-ms 1000 --door gateway|backend|both]
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureDevPki } from '../src/pki/dev.ts';
import { addAuthority, type Loss, lossesIn } from './lost-rights.ts';
import { type Door, openStreams } from './open-streams.ts';
import { start, startGateway, stop } from './process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    streams: { type: 'string', default: '1000' },
    'max-ms': { type: 'string', default: '1000' },
    door: { type: 'string', default: 'both' },
  },
});
const rounds = Number(values.rounds);
const streams = Number(values.streams);
const maxMs = Number(values['max-ms']);
if (!(rounds >= 1 && streams >= 1 && maxMs > 0))
  throw new Error('--rounds, --streams and --max-ms are numbers above 0');
if (!['gateway', 'backend', 'both'].includes(values.door)) throw new Error('--door is gateway, backend or both');
/** Streams on one HTTP/2 connection, and so of one certificate. */
const STREAMS_PER_CONNECTION = 100;
/** Milliseconds until an end, a close or an entrance that does not come stops the bench. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 50;
/** The longest time so far in which all streams were opened, milliseconds. */
let openingMs = 0;

/** Sorted milliseconds of one round. */
interface Round {
  readonly endsMs: readonly number[];
  /** Empty where connections stay. */
  readonly closesMs: readonly number[];
}

async function patiently<T>(what: string, promise: Promise<T>): Promise<T> {
  const stopped = new AbortController();
  const over = pause(PATIENCE_MS, undefined, { signal: stopped.signal }).then(() => {
    throw new Error(`waited ${PATIENCE_MS} ms in vain for ${what}`);
  });
  over.catch(() => {});
  return Promise.race([promise, over]).finally(() => stopped.abort());
}

/** Opens all streams with new certificates, takes the right to them, and gives the times that they lived on. */
async function measure(door: Door, caPem: string, loss: Loss): Promise<Round> {
  const count = Math.ceil(streams / STREAMS_PER_CONNECTION);
  const clients = await Promise.all(Array.from({ length: count }, (_, index) => loss.newClient(index)));
  const beganMs = performance.now();
  const open = await patiently('the streams to open', openStreams(door, caPem, clients, streams));
  openingMs = Math.max(openingMs, performance.now() - beganMs);
  try {
    const goneMs = await loss.take(clients);
    const since = (moments: readonly number[]): number[] => moments.map((ms) => ms - goneMs).sort((a, b) => a - b);
    const ends = await patiently('the streams to end', Promise.all(open.ends));
    const wrong = ends.find(({ code, atMs }) => code !== loss.code || atMs < goneMs);
    if (wrong !== undefined) throw new Error(`a stream ended too early or otherwise: code ${wrong.code}`);
    const endsMs = since(ends.map(({ atMs }) => atMs));
    if (loss.closesConnections) {
      return { endsMs, closesMs: since(await patiently('the connections to close', Promise.all(open.closes))) };
    }
    if (open.connectionsOpen() !== count) throw new Error('a connection was closed that has other rights left');
    return { endsMs, closesMs: [] };
  } finally {
    open.destroy();
  }
}

/** Gives the right back where new clients lack it too, and waits until one of them can open a stream. */
async function restore(door: Door, caPem: string, loss: Loss): Promise<void> {
  if (loss.giveBack === undefined) return;
  loss.giveBack();
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      (await openStreams(door, caPem, [await loss.newClient(0)], 1)).destroy();
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await pause(RETRY_MS);
    }
  }
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

/** Prints the figures of all rounds, and gives the longest p99 of a round. */
function report(what: string, all: readonly (readonly number[])[]): number {
  const p50 = sorted(all.map((round) => at(round, 0.5)));
  const p99 = sorted(all.map((round) => at(round, 0.99)));
  const last = Math.max(...all.map((round) => at(round, 1)));
  const longest = Math.max(...p99);
  const range = `${Math.min(...p99).toFixed(0)} to ${longest.toFixed(0)}`;
  const figures = `p50 ${at(p50, 0.5).toFixed(0)} ms, p99 ${at(p99, 0.5).toFixed(0)} ms (${range})`;
  process.stdout.write(`${what}: ${figures}, the last of all ${last.toFixed(0)} ms\n`);
  return longest;
}

/** All rounds at one door; gives what was over the limit, in words. */
async function rounded(door: Door, caPem: string, losses: readonly Loss[]): Promise<string[]> {
  const seen = losses.map((loss) => ({ loss, rounds: [] as Round[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const { loss, rounds: done } of seen) {
      const measured = await measure(door, caPem, loss);
      await restore(door, caPem, loss);
      if (round > 0) done.push(measured);
    }
  }
  const over: string[] = [];
  for (const { loss, rounds: done } of seen) {
    for (const [to, all] of [
      ['end of the stream', done.map(({ endsMs }) => endsMs)],
      ['close of the connection', done.map(({ closesMs }) => closesMs).filter(({ length }) => length > 0)],
    ] as const) {
      if (all.length === 0) continue;
      const what = `${door.what}, ${loss.what}, to the ${to}`;
      const longest = report(what, all);
      if (longest > maxMs) over.push(`${what}: p99 of a round ${longest.toFixed(0)} ms`);
    }
  }
  return over;
}

// Two folders: what changes in one must not be seen by the program that is not measured.
const certs = mkdtempSync(join(tmpdir(), 'passband-bench-'));
const backendCerts = `${certs}-of-backend`;
const children: Parameters<typeof stop>[0][] = [];
try {
  await ensureDevPki(certs);
  const authorities = await addAuthority(certs);
  const atGateway = await lossesIn(certs, authorities, () => openingMs);
  cpSync(certs, backendCerts, { recursive: true });
  const atBackend = await lossesIn(backendCerts, authorities, () => openingMs);
  const backend = await start([join(import.meta.dirname, 'quiet-backend.ts'), backendCerts], /^(\d+)\n/);
  children.push(backend.child);
  const load = loadavg()[0]?.toFixed(1);
  process.stdout.write(
    `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load ${load}; ${streams} streams, ${rounds} rounds after one warm-up\n`,
  );
  const over: string[] = [];
  if (values.door !== 'backend') {
    const gateway = await startGateway(certs, backend.port, 'error');
    children.push(gateway.child);
    over.push(...(await rounded({ what: 'gateway', port: gateway.port }, authorities.own.certPem, atGateway)));
    // Of no use any more, and not to be measured with.
    await stop(gateway.child);
  }
  if (values.door !== 'gateway') {
    over.push(...(await rounded({ what: 'backend', port: backend.port }, authorities.own.certPem, atBackend)));
  }
  for (const line of over) process.stderr.write(`NOT MET: ${line}, more than ${maxMs} ms\n`);
  if (over.length === 0) process.stdout.write(`met: the p99 of every round is within ${maxMs} ms\n`);
  else process.exitCode = 1;
} finally {
  for (const child of children) await stop(child);
  for (const folder of [certs, backendCerts]) rmSync(folder, { recursive: true, force: true });
}

// A backend with one simulated station, whose clock is the bench's: it is exact to a microsecond, and notes when the source
// handed over what was due.
// usage: node bench/iq-backend.ts CERTS RATE    (prints its port, then, when it is told "end", what it saw as JSON)
import { once } from 'node:events';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setHeapFlags } from '../src/cli/heap-flags.ts';

setHeapFlags('backend', [...process.execArgv, process.env.NODE_OPTIONS ?? '']);

// Not imported above: whatever is loaded makes the young generation grow.
const { pino } = await import('pino');
const { systemClock } = await import('../src/backend/clock.ts');
const { startBackend } = await import('../src/backend/server.ts');
const { loadKnownMethods } = await import('../src/cli/known-methods.ts');
const { DEV_POLICY, parsePolicy } = await import('../src/gateway/guard/policy.ts');
const { loadMaterial } = await import('../src/trust/material.ts');
const { unchanging } = await import('../src/trust/reloadable.ts');
const { stationOf } = await import('./iq-station.ts');

const [certs = '', rate = '10000000'] = process.argv.slice(2);

/** Milliseconds since 1970 with a fraction, of a clock that two processes of one machine share. */
const wallMs = (): number => performance.timeOrigin + performance.now();

/** Times at which the source handed over everything that was due. */
const handedOverMs: number[] = [];
/** Intervals up to this are the sources': nothing else in a backend is done so often. */
const SOURCE_TICK_MS = 10;

const isWholeHeap = (detail: unknown): boolean =>
  typeof detail === 'object' &&
  detail !== null &&
  'kind' in detail &&
  detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
const gc = { seconds: 0, wholeHeap: 0, longestMs: 0 };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    gc.seconds += entry.duration / 1000;
    gc.longestMs = Math.max(gc.longestMs, entry.duration);
    if ('detail' in entry && isWholeHeap(entry.detail)) gc.wholeHeap++;
  }
}).observe({ entryTypes: ['gc'] });

const backend = await startBackend({
  host: '127.0.0.1',
  port: 0,
  material: unchanging(await loadMaterial(certs, ['backend'], { crlFiles: [], staleLists: 'refuse' })),
  policy: unchanging(parsePolicy(DEV_POLICY, 'policy.yaml', await loadKnownMethods([]))),
  stations: [stationOf(Number(rate))],
  log: pino({ level: 'warn' }),
  clock: {
    ...systemClock,
    wallNs: () => BigInt(Math.round(wallMs() * 1e3)) * 1000n,
    every: (intervalMs, run) =>
      systemClock.every(intervalMs, () => {
        if (intervalMs <= SOURCE_TICK_MS) handedOverMs.push(wallMs());
        run();
      }),
  },
});
process.stdout.write(`${backend.port}\n`);
const before = process.cpuUsage();
await once(process.stdin, 'data');
const { user, system } = process.cpuUsage(before);
const peakRssMb = process.resourceUsage().maxRSS / 1024;
await backend.close(1000);
process.stdout.write(`${JSON.stringify({ handedOverMs, gc, cpuSeconds: (user + system) / 1e6, peakRssMb })}\n`, () =>
  process.exit(0),
);

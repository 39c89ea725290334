// What a line of the audit journal costs: CPU and waiting for each, with lines that come eight in a turn of the event loop
// as under load, and one by one, each waited for, with `always`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal } from '../src/audit/journal.ts';
import type { JournalOptions } from '../src/audit/journal-options.ts';
import { noAuditMetrics } from '../src/observability/audit-metrics.ts';
import { noLog } from '../src/observability/log.ts';

const LINES = { interval: 100_000, never: 100_000, always: 2_000 };
const PER_TURN = 8;
const FACTS = {
  requestId: '0b0e6a3e-1c7c-4f8f-a7b9-7cfbe4b2d8c1',
  identity: {
    cn: 'oran-client',
    serial: '7c0f7c0f7c0f7c0f7c0f7c0f7c0f7c0f',
    sha256: 'ab'.repeat(32),
    issuer: 'CN=Passband development CA,O=Passband',
  },
  remote: '127.0.0.1',
  rpc: 'sdr.oran.StationService/GetStation',
  resource: '/v1/stations/sim-1',
};
const ALLOWED = { outcome: 'allow', code: 'OK', rule: 'operators', reason: 'rule "operators" allows it' } as const;

async function measure(sync: JournalOptions['sync']): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'passband-bench-audit-'));
  try {
    const journal = await Journal.open({
      folder,
      program: 'gateway',
      sync,
      maxBytes: 1 << 26,
      keep: 0,
      whenFull: 'stop',
      log: noLog,
      metrics: noAuditMetrics,
    });
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    let callUs = 0;
    for (let n = 0; n < LINES[sync]; n++) {
      const before = performance.now();
      journal.decision(FACTS, ALLOWED);
      callUs += (performance.now() - before) * 1000;
      const settled = journal.settled();
      if (settled !== undefined) await settled;
      else if (n % PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await journal.close();
    const wallUs = ((performance.now() - startedMs) * 1000) / LINES[sync];
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuUs = (user + system) / LINES[sync];
    const shown = [cpuUs, wallUs, callUs / LINES[sync]].map((us) => us.toFixed(1).padStart(7));
    return `${sync.padEnd(8)} ${shown.join(' ')}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

console.log('µs/line      CPU    wall    call');
for (const sync of ['interval', 'never', 'always'] as const) console.log(await measure(sync));

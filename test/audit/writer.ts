// Run as a program of its own: leaves lines in a folder's journal for ever, and names each on standard output once it
// is settled.
import { Journal } from '../../src/audit/journal.ts';
import { noAuditMetrics } from '../../src/observability/audit-metrics.ts';
import { noLog } from '../../src/observability/log.ts';

const [, , folder = '', name = ''] = process.argv;
const journal = await Journal.open({
  folder,
  program: 'gateway',
  sync: 'always',
  maxBytes: 16_384,
  keep: 0,
  whenFull: 'stop',
  log: noLog,
  metrics: noAuditMetrics,
});
for (let n = 1; ; n++) {
  const requestId = `${name}-${n}`;
  const facts = { requestId, identity: undefined, remote: '127.0.0.1', rpc: 'sdr.oran.StationService/GetStation' };
  journal.decision(facts, { outcome: 'allow', code: 'OK', reason: 'allowed' });
  await journal.settled();
  process.stdout.write(`${requestId}\n`);
}

// How long open streams outlive the right to them: a thousand streams of ten certificates, which are all revoked at one
// moment; then a thousand again, whose right is taken out of the policy. Milliseconds from the rename of crl.pem or
// policy.yaml to the arrival of `event: end` at the reader. Gateway, backend and readers are processes of their own.
// usage: npm run build && node bench/revocation.ts [--rounds 5 --streams 1000]
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEV_POLICY } from '../src/gateway/guard/policy.ts';
import { type IssuedCertificate, issueLeaf, SUBJECT_OIDS } from '../src/pki/authority.ts';
import { ensureDevPki } from '../src/pki/dev.ts';
import { buildCrl, type Revocation } from '../src/pki/revocation.ts';
import { start, startGateway, stop } from './process.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, streams: { type: 'string', default: '1000' } },
});
const rounds = Number(values.rounds);
const streams = Number(values.streams);
/** Streams on one HTTP/2 connection, and so of one certificate. */
const STREAMS_PER_CONNECTION = 100;
/** Milliseconds until ends that do not come stop the bench. */
const PATIENCE_MS = 20_000;
const HOUR_MS = 3_600_000;

const certs = mkdtempSync(join(tmpdir(), 'passband-bench-'));
await ensureDevPki(certs);
const read = (name: string): string => readFileSync(join(certs, name), 'utf8');
const ca: IssuedCertificate = { certPem: read('ca.crt'), keyPem: read('ca.key') };
const revoked: Revocation[] = [];
let number = 0;

/** Puts a file in its place at one moment, and says which. */
function replace(name: string, content: string): number {
  writeFileSync(join(certs, `${name}.next`), content);
  renameSync(join(certs, `${name}.next`), join(certs, name));
  return performance.now();
}

async function newClient(): Promise<IssuedCertificate & { readonly serial: string }> {
  const validity = { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + HOUR_MS) };
  const subject = [{ type: SUBJECT_OIDS.CN, value: 'dash-1' }];
  const made = await issueLeaf(ca, { subject, purpose: 'client', validity });
  return { ...made, serial: new X509Certificate(made.certPem).serialNumber };
}

/** An open stream: it is when its first bytes have come; `ended` resolves with the moment of its `event: end`. */
async function open(session: ClientHttp2Session, batch: number): Promise<{ readonly ended: Promise<number> }> {
  const path = `/v1/stations/quiet/iq?datatype=ci8&batch_size_samples=${batch}`;
  const stream = session.request({ ':path': path, accept: 'text/event-stream' });
  stream.setEncoding('utf8');
  stream.on('error', () => {});
  const begun = once(stream, 'data');
  const ended = new Promise<number>((resolve, reject) => {
    let tail = '';
    stream.on('data', (text: string) => {
      tail = (tail + text).slice(-200);
      if (tail.includes('event: end\n')) resolve(performance.now());
    });
    stream.on('close', () => reject(new Error(`a stream broke off without its end: ${tail.slice(-80)}`)));
  });
  ended.catch(() => {});
  await begun;
  return { ended };
}

const at = (sorted: readonly number[], share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
const median = (numbers: readonly number[]): number =>
  at(
    [...numbers].sort((a, b) => a - b),
    0.5,
  );

/** Opens all streams with new certificates, takes the right to them, and gives the sorted times that they lived on. */
async function measure(
  port: string,
  takeRight: (clients: readonly { readonly serial: string }[]) => Promise<number>,
): Promise<number[]> {
  const clients = await Promise.all(Array.from({ length: Math.ceil(streams / STREAMS_PER_CONNECTION) }, newClient));
  const sessions = clients.map(({ certPem, keyPem }) =>
    connect(`https://localhost:${port}`, { ca: ca.certPem, cert: certPem, key: keyPem }).on('error', () => {}),
  );
  // Some ask for the same and share a call to the backend, as dashboards do; most do not.
  const opened = await Promise.all(
    Array.from({ length: streams }, (_, index) => {
      const session = sessions[index % sessions.length];
      if (session === undefined) throw new Error('no session');
      return open(session, 256 + 16 * (index % 50));
    }),
  );
  const began = await takeRight(clients);
  const patience = setTimeout(() => {
    process.stderr.write('streams did not end\n');
    process.exit(1);
  }, PATIENCE_MS);
  const times = await Promise.all(opened.map(({ ended }) => ended));
  clearTimeout(patience);
  for (const session of sessions) session.destroy();
  return times.map((time) => time - began).sort((a, b) => a - b);
}

async function revoke(clients: readonly { readonly serial: string }[]): Promise<number> {
  revoked.push(...clients.map(({ serial }) => ({ serial, reason: 'keyCompromise' as const, at: new Date() })));
  number++;
  const edition = {
    number,
    thisUpdate: new Date(Date.now() - 1000),
    nextUpdate: new Date(Date.now() + HOUR_MS),
  };
  return replace('crl.pem', await buildCrl(ca, revoked, edition));
}

const without = DEV_POLICY.split('\n')
  .filter((line) => !line.includes('IQStreamService/SubscribeIQ'))
  .join('\n');

replace('policy.yaml', DEV_POLICY);
replace(
  'crl.pem',
  await buildCrl(ca, [], { number, thisUpdate: new Date(), nextUpdate: new Date(Date.now() + HOUR_MS) }),
);
// A folder of its own, which stays as it is: the end must be the gateway's doing, and not the backend's.
const backendCerts = `${certs}-of-backend`;
cpSync(certs, backendCerts, { recursive: true });
const backend = await start([join(import.meta.dirname, 'quiet-backend.ts'), backendCerts], /^(\d+)\n/);
const gateway = await startGateway(certs, backend.port, 'error');
process.stdout.write(
  `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}; ${streams} streams, ${rounds} rounds after one warm-up\n`,
);
try {
  const figures: Record<string, number[][]> = { 'certificates revoked': [], 'right taken out of the policy': [] };
  for (let round = 0; round <= rounds; round++) {
    const byRevocation = await measure(gateway.port, revoke);
    const byPolicy = await measure(gateway.port, async () => replace('policy.yaml', without));
    replace('policy.yaml', DEV_POLICY);
    // The next streams are opened once the right is back.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (round === 0) continue;
    figures['certificates revoked']?.push(byRevocation);
    figures['right taken out of the policy']?.push(byPolicy);
  }
  for (const [what, times] of Object.entries(figures)) {
    const p99 = times.map((sorted) => at(sorted, 0.99));
    const worst = Math.max(...times.map((sorted) => at(sorted, 1)));
    process.stdout.write(
      `${what}: p50 ${median(times.map((sorted) => at(sorted, 0.5))).toFixed(0)} ms, p99 ${median(p99).toFixed(0)} ms (${Math.min(...p99).toFixed(0)} to ${Math.max(...p99).toFixed(0)}), the last of all ${worst.toFixed(0)} ms\n`,
    );
  }
} finally {
  await stop(gateway.child);
  await stop(backend.child);
  for (const folder of [certs, backendCerts]) rmSync(folder, { recursive: true, force: true });
}

// mTLS handshakes per CPU second of the server: the gateway against nginx with the same certificates, full and resumed.
// A handshake counts when the server has answered its goodbye: its own part is over then, the client verified.
// usage: npm run build && node bench/handshakes.ts [--rounds 7 --handshakes 400 --algorithm p256]    (needs nginx)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { parseArgs } from 'node:util';
import { DEV_POLICY } from '../src/gateway/guard/policy.ts';
import { ensureAuthorities } from '../src/pki/init.ts';
import { issueInto } from '../src/pki/issue.ts';
import { KEY_ALGORITHMS } from '../src/pki/keys.ts';
import { writeLists } from '../src/pki/lists.ts';
import { CIPHERS } from '../src/tls.ts';
import { cpuSeconds, type Server, startGateway, stop } from './process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    handshakes: { type: 'string', default: '400' },
    // Kind of every key: what a full handshake costs, and a resumed one spares, is mostly this.
    algorithm: { type: 'string', default: 'p256' },
  },
});
const rounds = Number(values.rounds);
const handshakes = Number(values.handshakes);
/** Handshakes under way at one time. */
const CONCURRENCY = 8;
/** Milliseconds until a handshake that does not come to its end stops the bench. */
const PATIENCE_MS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'passband-bench-'));
const algorithm = KEY_ALGORITHMS.find((known) => known === values.algorithm) ?? 'p256';
const certs = join(folder, 'certs');
mkdirSync(certs);
await makeCertificates();
const read = (name: string): string => readFileSync(join(certs, name), 'utf8');
const pair = { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') };

/** What `passband pki init --ca-only` and `issue` make, every key of the one kind. */
async function makeCertificates(): Promise<void> {
  await ensureAuthorities(certs, { algorithm, cn: 'Bench CA' });
  const nobody = { o: [], ou: [], uris: [], emails: [], dns: [], ips: [], algorithm };
  const here = { ...nobody, dns: ['localhost'], ips: ['127.0.0.1', '::1'] };
  await issueInto(certs, { ...here, profile: 'server', cn: 'localhost', name: 'server' });
  await issueInto(certs, { ...nobody, profile: 'gateway', cn: 'passband-gateway', name: 'gateway' });
  await issueInto(certs, { ...nobody, profile: 'client', cn: 'oran-client', name: 'client' });
  await writeLists(certs);
  writeFileSync(join(certs, 'policy.yaml'), DEV_POLICY);
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' ? address?.port : address);
}

async function startNginx(): Promise<Server> {
  const port = await freePort();
  const suites = CIPHERS.split(':').filter((name) => !name.startsWith('TLS_'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`);
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 1024; }
http { access_log off; ${temporary.join(' ')}
  server {
    listen 127.0.0.1:${port} ssl http2; server_name localhost;
    ssl_certificate ${certs}/server.crt; ssl_certificate_key ${certs}/server.key;
    ssl_client_certificate ${certs}/ca.crt; ssl_verify_client on;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ${suites.join(':')}; ssl_ecdh_curve X25519:prime256v1:secp384r1;
    ssl_session_cache shared:tls:10m; location / { return 204; }
  }
}
`,
  );
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { child, port };
}

/** One handshake to the server's ticket, which it resolves with. */
function handshake(port: string, resume: Buffer | undefined, version: 'TLSv1.2' | 'TLSv1.3'): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options: ConnectionOptions = {
      ...pair,
      host: '127.0.0.1',
      port: Number(port),
      servername: 'localhost',
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: version,
      maxVersion: version,
      ...(resume === undefined ? {} : { session: resume }),
    };
    const socket: TLSSocket = connect(options);
    socket.setTimeout(PATIENCE_MS, () =>
      socket.destroy(
        new Error(`the handshake with port ${port} did not end (${version}, resumed ${resume !== undefined})`),
      ),
    );
    socket.once('error', reject);
    // Tickets come after the handshake, and nothing is read of a socket that does not flow.
    socket.resume();
    let ticket = resume;
    socket.on('session', (session) => {
      ticket = session;
      // The first ticket says that the server has verified the client; it is told goodbye then.
      if (resume === undefined) socket.end();
    });
    socket.once('secureConnect', () => {
      if (socket.isSessionReused() !== (resume !== undefined)) {
        socket.destroy(
          new Error(resume === undefined ? 'a full handshake was resumed' : 'the session was not resumed'),
        );
      }
      if (resume !== undefined) socket.end();
    });
    // The server closes its side when it has read ours, that is, when its part of the handshake is over.
    socket.once('close', () => (ticket === undefined ? reject(new Error('no session ticket came')) : resolve(ticket)));
  });
}

/** Handshakes per CPU second of the server. */
async function measure({ child, port }: Server, version: 'TLSv1.2' | 'TLSv1.3', resumed: boolean): Promise<number> {
  let ticket = await handshake(port, undefined, version);
  const before = cpuSeconds(child);
  let left = handshakes;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const next = await handshake(port, resumed ? ticket : undefined, version);
      if (resumed) ticket = next;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return handshakes / (cpuSeconds(child) - before);
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

const nginx = await startNginx();
const gateway = await startGateway(certs, '1');
const versions = ['TLSv1.3', 'TLSv1.2'] as const;
try {
  process.stdout.write(
    `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}; keys ${algorithm}; ${handshakes} handshakes a figure, ${rounds} rounds after one warm-up, medians\n`,
  );
  for (const version of versions) {
    const rows: { full: number; resumed: number; nginxFull: number; nginxResumed: number }[] = [];
    for (let round = 0; round <= rounds; round++) {
      const row = {
        nginxFull: await measure(nginx, version, false),
        full: await measure(gateway, version, false),
        nginxResumed: await measure(nginx, version, true),
        resumed: await measure(gateway, version, true),
      };
      if (round > 0) rows.push(row);
    }
    const of = (pick: (row: (typeof rows)[number]) => number): number => median(rows.map(pick));
    process.stdout.write(
      [
        `${version}  full, gateway / nginx        ${of(({ full, nginxFull }) => full / nginxFull).toFixed(2)}   (${of(({ full }) => full).toFixed(0)} and ${of(({ nginxFull }) => nginxFull).toFixed(0)} handshakes per CPU second)`,
        `${version}  resumed, gateway / nginx     ${of(({ resumed, nginxResumed }) => resumed / nginxResumed).toFixed(2)}   (${of(({ resumed }) => resumed).toFixed(0)} and ${of(({ nginxResumed }) => nginxResumed).toFixed(0)})`,
        `${version}  gateway, resumed / full      ${of(({ resumed, full }) => resumed / full).toFixed(2)}`,
        '',
      ].join('\n'),
    );
  }
} finally {
  await stop(gateway.child);
  await stop(nginx.child);
  rmSync(folder, { recursive: true, force: true });
}

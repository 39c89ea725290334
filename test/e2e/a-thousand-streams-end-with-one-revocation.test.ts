import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CliProcess } from '../support/cli.ts';
import { LIBRARY_PROTO, type Library, startLibrary } from '../support/library.ts';
import { OPEN_POLICY } from '../support/library-stack.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { Revoker } from '../support/revocation.ts';
import { until } from '../support/until.ts';

/** Streams of one connection: as many as the gateway allows. */
const PER_CONNECTION = 100;
const CONNECTIONS = 10;

let pki: TestPki;
let library: Library;
/** A process of its own, as it is run: the errors of a thousand calls cost much more under a test's transpiler. */
let gateway: CliProcess;
let origin: string;
const sessions: ClientHttp2Session[] = [];
beforeAll(async () => {
  pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), OPEN_POLICY);
  library = await startLibrary(pki);
  const where = ['--certs', pki.dir, '--proto', LIBRARY_PROTO, '--backend', `localhost:${library.port}`];
  gateway = new CliProcess(['gateway', ...where, '--host', '127.0.0.1', '--port', '0', '--metrics-port', '0']);
  origin = await gateway.says(/^gateway +(https:\/\/localhost:\d+)/m);
});
afterAll(async () => {
  for (const session of sessions) session.destroy();
  gateway?.kill();
  await library?.close();
  await pki?.remove();
});

function connect(pair: TestFiles): ClientHttp2Session {
  const session = connectHttp2(origin, { ca: pki.caPem, cert: pair.certPem, key: pair.keyPem });
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

interface Watched {
  text: string;
  /** When it ended, by performance.now. */
  endedMs: number | undefined;
}

/** Opens streams that say one message and then stay. */
async function watch(session: ClientHttp2Session, count: number): Promise<Watched[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const stream = session.request({ ':path': '/v1/shelves/a/books:watch' });
      const watched: Watched = { text: '', endedMs: undefined };
      stream.on('error', () => {});
      stream.on('close', () => {
        watched.endedMs = performance.now();
      });
      stream.setEncoding('utf8');
      const first = once(stream, 'data');
      stream.on('data', (chunk) => {
        watched.text += chunk;
      });
      await first;
      return watched;
    }),
  );
}

it('each is told, each call is cancelled, each connection is closed; a bystander keeps its stream', async () => {
  const [victim, bystander] = [await pki.issue(), await pki.issue()];
  const streams: Watched[] = [];
  const closed: Promise<unknown>[] = [];
  for (let connection = 0; connection < CONNECTIONS; connection++) {
    const session = connect(victim);
    closed.push(once(session, 'close'));
    streams.push(...(await watch(session, PER_CONNECTION)));
  }
  const [kept] = await watch(connect(bystander), 1);
  const cancelled = library.calls.slice(0, streams.length).map((call) => call.cancelled);

  const revoker = new Revoker(pki);
  const startedMs = performance.now();
  await revoker.revoke(victim);
  await until(
    'all have ended',
    () => streams.filter(({ endedMs }) => endedMs === undefined).length,
    (open) => open === 0,
  );
  await Promise.all([...closed, ...cancelled]);
  const allMs = performance.now() - startedMs;

  const took = streams.map(({ endedMs = 0 }) => endedMs - startedMs).sort((a, b) => a - b);
  const at = (share: number): number => Math.round(took[Math.ceil(took.length * share) - 1] ?? 0);
  process.stderr.write(
    `revocation to the end of ${took.length} streams: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, last ${at(1)} ms; ` +
      `calls cancelled and connections closed after ${Math.round(allMs)} ms\n`,
  );
  const END = 'event: end\ndata: {"code":16,"message":"the client certificate has been revoked","details":[]}\n\n';
  expect(streams.filter(({ text }) => !text.endsWith(END))).toEqual([]);
  expect(at(1)).toBeLessThan(15_000);
  expect(kept?.endedMs).toBeUndefined();
  expect(gateway.stderr).toContain(`"calls":${streams.length},"connections":${CONNECTIONS},`);
});

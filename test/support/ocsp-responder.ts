import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IssuedCertificate } from '../../src/pki/authority.ts';
import { run } from './run.ts';

/** How the responder answers; all of it may be changed between questions. */
export interface Behaviour {
  /** Who signs, the CA itself unless told. */
  signer: IssuedCertificate;
  /** Further arguments of `openssl ocsp`. */
  args: readonly string[];
  /** In place of an answer. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
}

/** An OCSP responder on loopback whose answers OpenSSL makes. */
export interface Responder {
  readonly url: string;
  readonly behaviour: Behaviour;
  /** Questions so far. */
  asked: number;
  /** Makes an answer to a request without any HTTP. */
  answer(request: Uint8Array): Promise<Buffer>;
  /** A request as OpenSSL prints it. */
  textOf(request: Uint8Array): Promise<string>;
  /** A certificate that OpenSSL makes with these extensions, under the CA. */
  issue(extensions: string, commonName?: string): Promise<IssuedCertificate>;
  close(): Promise<void>;
}

/** Certificates (PEM) that a responder knows; may be changed between questions. */
export interface KnownCertificates {
  good: readonly string[];
  revoked: readonly string[];
}

/** Starts a responder of a CA that knows some certificates, and that some of them are revoked. */
export async function startResponder(ca: IssuedCertificate, known: KnownCertificates): Promise<Responder> {
  const dir = await mkdtemp(join(tmpdir(), 'passband-ocsp-'));
  const at = (name: string): string => join(dir, name);
  const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;
  await writeFile(at('ca.crt'), ca.certPem);
  await writeFile(at('ca.key'), ca.keyPem, { mode: 0o600 });
  let files = 0;
  const put = async (content: string | Uint8Array): Promise<string> => {
    files += 1;
    const file = at(`${files}`);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  };
  const openssl = async (args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run('openssl', args);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  const behaviour: Behaviour = { signer: ca, args: ['-nmin', '5'], instead: undefined };
  const answer = async (request: Uint8Array): Promise<Buffer> => {
    const lines = [
      ...known.good.map((pem) => `V\t300101000000Z\t\t${serialOf(pem)}\tunknown\t/CN=${serialOf(pem)}`),
      ...known.revoked.map(
        (pem) => `R\t300101000000Z\t260101000000Z,keyCompromise\t${serialOf(pem)}\tunknown\t/CN=${serialOf(pem)}`,
      ),
    ];
    // Questions may come at one time: each is answered from a file of its own.
    const index = await put(`${lines.join('\n')}\n`);
    const [reqin, rsigner, rkey] = [
      await put(request),
      await put(behaviour.signer.certPem),
      await put(behaviour.signer.keyPem),
    ];
    const out = await put('');
    const signer = ['-rsigner', rsigner, '-rkey', rkey];
    await openssl([
      'ocsp',
      '-index',
      index,
      '-CA',
      at('ca.crt'),
      ...signer,
      '-reqin',
      reqin,
      '-respout',
      out,
      ...behaviour.args,
    ]);
    return await readFile(out);
  };
  const server = createServer(async (request, response) => {
    responder.asked += 1;
    if (behaviour.instead !== undefined) return behaviour.instead(request, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const isRequest = request.method === 'POST' && request.headers['content-type'] === 'application/ocsp-request';
    if (!isRequest) return response.writeHead(400).end();
    response.setHeader('content-type', 'application/ocsp-response').end(await answer(Buffer.concat(chunks)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const responder: Responder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    behaviour,
    asked: 0,
    answer,
    textOf: async (request) => await openssl(['ocsp', '-reqin', await put(request), '-req_text', '-noverify']),
    issue: async (extensions, commonName = 'responder') => {
      const [key, csr, out] = [at('leaf.key'), at('leaf.csr'), at('leaf.crt')];
      const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
      await openssl(['req', '-new', ...newKey, '-subj', `/CN=${commonName}`, '-out', csr]);
      const by = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-extfile', await put(extensions), '-days', '2'];
      await openssl(['x509', '-req', '-in', csr, '-out', out, ...by]);
      return { certPem: await readFile(out, 'utf8'), keyPem: await readFile(key, 'utf8') };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(dir, { recursive: true, force: true });
    },
  };
  return responder;
}

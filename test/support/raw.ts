import { once } from 'node:events';
import { connect, type SecureVersion, type TLSSocket } from 'node:tls';
import type { ClientPair } from './https.ts';

/** How to open a bare TLS connection to a gateway on this machine. */
export interface RawOptions {
  readonly port: number;
  readonly caPem: string;
  readonly pair?: ClientPair | undefined;
  /** Both 1.2 and 1.3 unless told. */
  readonly version?: SecureVersion;
  /** HTTP/1.1 unless told. */
  readonly alpn?: readonly string[];
}

/** What came over a connection until it ended, however it ended. */
export interface RawAnswer {
  readonly text: string;
  /** Status of the first answer; 0 when none came. */
  readonly status: number;
  /** Headers of the first answer, by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Code or message of the error that ended the connection; undefined when it was closed in order. */
  readonly error: string | undefined;
}

/** Milliseconds after which waiting for a peer to close fails the test; far more than anything here takes. */
const DEADLINE_MS = 20_000;

/** Begins a TLS connection; the handshake is still to come. */
export function rawConnect({ port, caPem, pair, version, alpn = ['http/1.1'] }: RawOptions): TLSSocket {
  const socket = connect({
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    ca: caPem,
    ALPNProtocols: [...alpn],
    ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }),
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
  });
  socket.on('error', () => {});
  return socket;
}

/** A connection whose handshake is done. */
export async function rawConnected(options: RawOptions): Promise<TLSSocket> {
  const socket = rawConnect(options);
  await once(socket, 'secureConnect');
  return socket;
}

/** Collects what a peer says until the connection is closed. */
export function untilClosed(socket: TLSSocket, deadlineMs = DEADLINE_MS): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let error: string | undefined;
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the peer did not close; so far: ${JSON.stringify(Buffer.concat(chunks).toString('latin1'))}`));
    }, deadlineMs);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (fault: NodeJS.ErrnoException) => {
      error = fault.code ?? fault.message;
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve({ ...parseAnswer(Buffer.concat(chunks).toString('utf8')), error });
    });
  });
}

/** Sends bytes as they are and gives what came back until the peer closed. */
export async function rawExchange(options: RawOptions, bytes: string | Buffer): Promise<RawAnswer> {
  const socket = rawConnect(options);
  const answer = untilClosed(socket);
  socket.write(bytes);
  return answer;
}

/** The text of a request without a body, after which the server shall close. */
export function requestText(method: string, target: string, headers: readonly string[] = []): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n');
}

function parseAnswer(text: string): Omit<RawAnswer, 'error'> {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = (end === -1 ? text : text.slice(0, end)).split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(first)?.[1] ?? 0);
  return { text, status, headers, body: end === -1 ? '' : text.slice(end + 4) };
}

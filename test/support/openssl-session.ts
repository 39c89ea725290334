import { spawn } from 'node:child_process';
import { requestText } from './raw.ts';

/** Whom to connect to, and as whom. */
export interface SessionClient {
  readonly port: number;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * What openssl's client says of a connection on which it asks for /whoami.
 *
 * @param version `-tls1_2` or `-tls1_3`.
 * @param session `-sess_out FILE` keeps the TLS session, `-sess_in FILE` begins with the one that was kept.
 */
export async function opensslSession(
  { port, caFile, certFile, keyFile }: SessionClient,
  version: string,
  session: readonly string[],
): Promise<string> {
  const child = spawn('openssl', [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost', version, ...session],
    ...['-cert', certFile, '-key', keyFile, '-CAfile', caFile, '-ign_eof'],
  ]);
  let text = '';
  for (const output of [child.stdout, child.stderr]) {
    output.on('data', (chunk) => {
      text += chunk;
    });
  }
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.stdin.on('error', () => {});
  child.stdin.write(requestText('GET', '/whoami'));
  await closed;
  return text;
}

/** Status of the answer that openssl printed; 0 when there was none. */
export const statusIn = (text: string): number => Number(/HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1] ?? 0);

/** Whether the session was one of before. */
export const isResumed = (text: string): boolean => /^Reused, TLS/m.test(text);

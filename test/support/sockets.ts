import { readFile } from 'node:fs/promises';

/** A TCP connection over IPv4, as the system has it. */
export interface SystemSocket {
  readonly localPort: number;
  readonly remotePort: number;
  /** Bytes that the other end has not taken yet. */
  readonly unsent: number;
}

/** State of a socket that listens, in hexadecimal. */
const LISTENING = '0A';
/** State of one that is over, and is remembered for what may still be under way. */
const TIME_WAIT = '06';

/**
 * The connections at a port of this machine: those, too, that no program has open any more, since what it wrote has not been
 * taken yet. (A connection that its both ends have closed is not among them.)
 */
export async function socketsAt(port: number): Promise<SystemSocket[]> {
  const [, ...lines] = (await readFile('/proc/net/tcp', 'latin1')).trim().split('\n');
  const sockets = lines.flatMap((line) => {
    const [, local = '', remote = '', state = '', queues = ''] = line.trim().split(/\s+/);
    if (state === LISTENING || state === TIME_WAIT) return [];
    const portOf = (end: string): number => Number.parseInt(end.split(':')[1] ?? '', 16);
    return [{ localPort: portOf(local), remotePort: portOf(remote), unsent: Number.parseInt(queues, 16) }];
  });
  return sockets.filter(({ localPort }) => localPort === port);
}

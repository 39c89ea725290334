import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Clock ticks a second in /proc/PID/stat; fixed for user space on Linux. */
const TICKS_PER_SECOND = 100;

/** The command line as it is built. */
const MAIN = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');

/** A server in a process of its own. */
export interface Server {
  readonly child: ChildProcess;
  readonly port: string;
}

/**
 * Starts a program for Node and waits until it says where it listens.
 *
 * @param port its first group is the port, in what the program prints.
 */
export async function start(args: readonly string[], port: RegExp): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8');
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk;
    const found = port.exec(text)?.[1];
    if (found === undefined) continue;
    child.stdout.resume();
    return { child, port: found };
  }
  throw new Error(`${args.join(' ')} ended before it listened`);
}

/** Starts a gateway on a free port, in front of a backend. */
export function startGateway(certs: string, backendPort: string, logLevel = 'warn'): Promise<Server> {
  const ports = ['--port', '0', '--metrics-port', '0', '--backend', `localhost:${backendPort}`];
  return start([MAIN, 'gateway', ...ports, '--certs', certs, '--log-level', logLevel], /localhost:(\d+)/);
}

/** Ends a process at once, and waits until it has ended. */
export async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** CPU seconds, user and system, of a process so far. */
export function cpuSeconds({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Milliseconds after which a program is killed; a browser begins slowly on a busy machine. */
const TIMEOUT_MS = 90_000;

/** Runs a program, which must end well, with some variables of its environment changed; gives what it says. */
export async function program(
  name: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { ...process.env, ...environment };
  const { stdout } = await promisify(execFile)(name, args, { timeout: TIMEOUT_MS, env, killSignal: 'SIGKILL' });
  return stdout;
}

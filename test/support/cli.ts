import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import type { Ended } from './run.ts';
import { until } from './until.ts';

/**
 * Milliseconds that a program may take to start or to end: it does so within a second or two; where many compete for the cores,
 * twenty seconds were too few.
 */
const TIMEOUT_MS = 60_000;

/** The command line as it is built, in a process of its own. */
export class CliProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  private readonly closed: Promise<number>;

  /** The environment is empty but for what is given, so that nothing of this machine changes what is tested. */
  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}, cwd = PACKAGE_ROOT) {
    this.child = spawn(process.execPath, [join(PACKAGE_ROOT, 'dist', 'cli', 'main.js'), ...args], {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.closed = once(this.child, 'close').then(([code, signal]) => code ?? signal);
  }

  /** Waits for a text on standard output, and gives what the pattern captures. */
  async says(pattern: RegExp, deadlineMs = TIMEOUT_MS): Promise<string> {
    const isSaid = (): boolean => pattern.test(this.stdout) || this.child.exitCode !== null;
    await until(`standard output has ${pattern}`, isSaid, Boolean, deadlineMs);
    const found = pattern.exec(this.stdout);
    if (found === null) throw new Error(`the program ended with ${this.child.exitCode}: ${this.stderr}`);
    return found[1] ?? '';
  }

  /** Waits for the end. */
  async ended(): Promise<Ended> {
    return { code: await this.closed, stdout: this.stdout, stderr: this.stderr };
  }

  /** Ends it at once, if it still runs. */
  kill(): void {
    if (this.child.exitCode === null) this.child.kill('SIGKILL');
  }
}

/** Runs the command line to its end. A program that does not end by itself is killed, and its code is a signal's name. */
export async function cli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Ended> {
  const program = new CliProcess(args, environment, cwd);
  const timer = setTimeout(() => program.kill(), TIMEOUT_MS);
  try {
    return await program.ended();
  } finally {
    clearTimeout(timer);
  }
}

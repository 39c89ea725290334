import { spawn } from 'node:child_process';

/** Milliseconds after which a block of commands is given up; the slowest takes three seconds on a busy machine. */
const TIMEOUT_MS = 25_000;

/** What a block of commands wrote. */
export interface ShellOutcome {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs commands in bash until what they write matches, or until they end; then everything they started is killed. */
export function runUntil(
  commands: string,
  pattern: RegExp,
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): Promise<ShellOutcome> {
  return new Promise((resolve, reject) => {
    // A group of its own, so that the whole pipeline can be ended.
    const shell = spawn('bash', ['-c', commands], { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    const stop = (): void => {
      try {
        if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const timer = setTimeout(stop, TIMEOUT_MS);
    const look = (): void => {
      if (pattern.test(stdout) || pattern.test(stderr)) stop();
    };
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      look();
    });
    shell.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      look();
    });
    shell.once('error', reject);
    shell.once('close', () => {
      clearTimeout(timer);
      resolve({ stdout, stderr });
    });
  });
}

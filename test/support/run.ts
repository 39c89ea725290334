import { execFile } from 'node:child_process';

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Milliseconds after which a program is killed. Those that the tests call take seconds at most, on a machine that does not do much else. */
const TIMEOUT_MS = 60_000;

/** Runs a program to its end, with its input closed or given, and tells how it ended; a program that is not there throws. */
export function run(program: string, args: readonly string[], input = '', timeoutMs = TIMEOUT_MS): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: timeoutMs }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error);
    });
    // A program that ends without reading leaves nobody to write to, and is no fault.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A Python program that runs while the test talks to it, line by line. */
export interface RunningPython {
  /** The next line of its output; rejects with what it said on standard error when it ends before. */
  line(): Promise<string>;
  /** Writes a line to its input. */
  tell(line: string): void;
  /** Closes its input and waits until it has ended; kills it when it does not. */
  stop(): Promise<void>;
}

/** Milliseconds until a program that was asked to end is killed. */
const STOP_MS = 5_000;

/** Starts a program with the Python that Debian's packages are for. */
export function startPython(file: string, args: readonly (string | number)[] = []): RunningPython {
  const child: ChildProcessWithoutNullStreams = spawn('/usr/bin/python3', [file, ...args.map(String)]);
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${file} ended: ${errors}`);
      return value;
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    stop: async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the process that fuzzes is told. */
export interface WorkerOrder {
  readonly target: string;
  readonly seed: number;
  readonly runs: number;
  readonly forMs: number;
  readonly seeds: boolean;
  /** Where it leaves, before each input, the number of inputs so far, the length and the JSON of this one. */
  readonly stateFile: string;
}

/** An input that shows a fault. */
export interface Finding {
  readonly input: unknown;
  readonly message: string;
}

/** What the process says at its end. */
export interface WorkerReport {
  /** Most processor time that one input took, in milliseconds. */
  readonly slowestMs: number;
  readonly finding: Finding | undefined;
}

/** How a target was run. */
export interface Outcome extends WorkerReport {
  /** Inputs tried, those of the search for a smaller one included. */
  readonly executions: number;
}

/** How to run a target. */
export interface RunOptions {
  /** Begins the same sequence of inputs each time. */
  readonly seed: number;
  /** Inputs at most; without end unless told. */
  readonly runs?: number;
  /** Milliseconds at most; without end unless told. */
  readonly forMs?: number;
  /** Milliseconds without progress that count as a hang; far more than the slowest input may take on a busy machine. */
  readonly hangMs?: number;
  /** False leaves out the kept inputs. */
  readonly seeds?: boolean;
}

const HANG_MS = 60_000;
/** Looks at the progress in the time of a hang: it is seen late by a tenth at most. */
const LOOKS = 10;
/** Two numbers of 32 bits. */
export const HEADER_BYTES = 8;

/**
 * Runs a target in a process of its own until it finds a fault or its time is up. A process and not a thread: the fault
 * may be one that takes the process with it.
 */
export async function runTarget(target: string, options: RunOptions): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'passband-fuzz-'));
  const order: WorkerOrder = {
    target,
    seed: options.seed,
    runs: options.runs ?? Number.MAX_SAFE_INTEGER,
    forMs: options.forMs ?? Number.MAX_SAFE_INTEGER,
    seeds: options.seeds ?? true,
    stateFile: join(folder, 'state'),
  };
  writeFileSync(order.stateFile, Buffer.alloc(HEADER_BYTES));
  const hangMs = options.hangMs ?? HANG_MS;
  const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [JSON.stringify(order)], { execArgv: [] });
  let report: WorkerReport | undefined;
  child.once('message', (message) => {
    report = message as WorkerReport;
  });
  let before = -1;
  let quiet = 0;
  const watch = setInterval(() => {
    const { executions } = readState(order);
    quiet = executions === before ? quiet + 1 : 0;
    before = executions;
    if (quiet >= LOOKS) child.kill('SIGKILL');
  }, hangMs / LOOKS);
  try {
    // Its last message may be read after it has ended, but before its channel is closed.
    const [[code, signal]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
    const { executions, input } = readState(order);
    if (report !== undefined) return { ...report, executions };
    if (executions === 0) throw new Error(`the target "${target}" did not begin (${signal ?? code})`);
    const message = quiet >= LOOKS ? `no end after ${hangMs} ms` : `the process ended (${signal ?? code})`;
    return { slowestMs: Number.NaN, finding: { input, message }, executions };
  } finally {
    clearInterval(watch);
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function readState({ stateFile }: WorkerOrder): { readonly executions: number; readonly input: unknown } {
  const bytes = readFileSync(stateFile);
  const json = bytes.toString('utf8', HEADER_BYTES, HEADER_BYTES + bytes.readUInt32LE(4));
  // While the process writes, the file may hold half of an input; after it, a whole one.
  let input: unknown;
  try {
    input = JSON.parse(json);
  } catch {
    input = undefined;
  }
  return { executions: bytes.readUInt32LE(0), input };
}

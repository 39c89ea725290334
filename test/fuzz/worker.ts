import { openSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { HEADER_BYTES, type WorkerOrder, type WorkerReport } from './run-target.ts';
import { readSeeds } from './seeds.ts';
import { FAULTY_TARGETS, TARGETS } from './targets.ts';

/** Processor time that one input may take. Most take a thousandth of this; ten times as much is no bug of scheduling. */
const MAX_INPUT_CPU_MS = 1_000;

/** Inputs between two looks at the clock. */
const BATCH_RUNS = 200;

const order = JSON.parse(process.argv[2] ?? '') as WorkerOrder;
const state = openSync(order.stateFile, 'r+');
const open = TARGETS[order.target] ?? FAULTY_TARGETS[order.target];
if (open === undefined) throw new Error(`there is no target "${order.target}"`);
const target = await open();

let executions = 0;
let slowestMs = 0;

/** Tries one input; what it is can be read from outside, since neither a hang nor a crash of the process can tell. */
async function attempt(input: unknown): Promise<void> {
  const json = Buffer.from(JSON.stringify(input));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(++executions, 0);
  header.writeUInt32LE(json.length, 4);
  writeSync(state, Buffer.concat([header, json]), 0, HEADER_BYTES + json.length, 0);
  const before = process.cpuUsage();
  await target.check(input);
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000;
  slowestMs = Math.max(slowestMs, cpuMs);
  if (cpuMs > MAX_INPUT_CPU_MS) throw new Error(`one input took ${Math.round(cpuMs)} ms of processor time`);
}

async function report(): Promise<WorkerReport> {
  const seeds = order.seeds ? readSeeds(order.target) : [];
  for (const { input } of seeds) {
    try {
      await attempt(input);
    } catch (error) {
      return { slowestMs, finding: { input, message: `again: ${String(error)}` } };
    }
  }
  const until = performance.now() + order.forMs;
  for (let batch = 0, left = order.runs; left > 0 && performance.now() < until; batch++, left -= BATCH_RUNS) {
    const outcome = await fc.check(fc.asyncProperty(target.inputs, attempt), {
      seed: order.seed + batch,
      numRuns: Math.min(BATCH_RUNS, left),
    });
    if (!outcome.failed) continue;
    const [input] = outcome.counterexample ?? [];
    return { slowestMs, finding: { input, message: String(outcome.errorInstance) } };
  }
  return { slowestMs, finding: undefined };
}

process.send?.(await report());

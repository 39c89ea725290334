// `npm run fuzz -- --minutes 30`: fuzzes every target in turn, all of them together for so long (one minute unless told).
//   --target NAME   only this one      --seed N   begins elsewhere (the time of day unless told, and said in the output)
// An input that shows a fault goes to test/fuzz/seeds, which every later run and `npm test` try first; commit it with
// the repair. Exits with 1 when there was one.
import { parseArgs } from 'node:util';
import { runTarget } from '../test/fuzz/run-target.ts';
import { keepSeed } from '../test/fuzz/seeds.ts';
import { TARGETS } from '../test/fuzz/targets.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, target: { type: 'string' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const targets = Object.keys(TARGETS).filter((name) => values.target === undefined || name === values.target);
if (!(minutes > 0) || !Number.isInteger(seed) || targets.length === 0) {
  console.error(
    `--minutes takes a positive number, --seed a whole one, --target one of ${Object.keys(TARGETS).join(', ')}`,
  );
  process.exit(2);
}

let found = 0;
for (const target of targets) {
  const forMs = (minutes * 60_000) / targets.length;
  const { finding, executions, slowestMs } = await runTarget(target, { seed, forMs });
  console.log(`${target}: ${executions} inputs from seed ${seed}, the slowest took ${slowestMs.toFixed(1)} ms`);
  if (finding === undefined) continue;
  found++;
  console.log(
    `  ${finding.message}\n  kept as ${keepSeed(target, { input: finding.input, finding: finding.message })}`,
  );
}
process.exit(found === 0 ? 0 : 1);

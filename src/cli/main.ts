#!/usr/bin/env node
import { setHeapFlags } from './heap-flags.ts';
import { nodeFault } from './node-version.ts';

const fault = nodeFault(process.version);
if (fault === undefined) {
  setHeapFlags(process.argv[2], [...process.execArgv, process.env.NODE_OPTIONS ?? '']);
  // Not imported above: whatever is loaded makes the young generation grow, and an old Node cannot load it.
  await import('./program.ts');
} else {
  process.stderr.write(`${fault}\n`);
  process.exitCode = 2;
}

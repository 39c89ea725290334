#!/usr/bin/env node
import { setHeapFlags } from './heap-flags.ts';

setHeapFlags(process.argv[2], [...process.execArgv, process.env.NODE_OPTIONS ?? '']);
// Not imported above: whatever is loaded makes the young generation grow.
await import('./program.ts');

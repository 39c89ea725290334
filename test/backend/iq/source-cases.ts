import { sigmfCase } from './sigmf-case.ts';
import { simCase } from './sim-case.ts';
import type { SourceCases } from './source-under-test.ts';

/** Every kind of source there is; each passes the same suite. */
export const SOURCE_CASES: SourceCases = {
  sim: simCase,
  sigmf: sigmfCase,
};

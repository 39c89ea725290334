import type { StationHub } from '../hub.ts';
import type { Run } from '../ring/ring.ts';

/**
 * The station's sample with which filtering begins.
 *
 * @param wanted the first that goes into the first output that is wanted; there may be none of it.
 * @param sampleRateHz of the station, which all samples must have.
 */
export function firstInput(hub: StationHub, wanted: number, sampleRateHz: number): number {
  const { ring } = hub;
  const from = Math.max(rateSince(ring.runs, sampleRateHz), wanted);
  const run = ring.runBeyond(from);
  if (run !== undefined) return Math.max(from, run.start);
  // Nothing is held of it. What comes next goes on where the newest sample was, or it begins there.
  return ring.head >= hub.nextIndex() ? from : Math.max(from, hub.nextIndex());
}

/** Index from which on samples are of a rate, or are going to be. */
export function rateSince(runs: readonly Run[], sampleRateHz: number): number {
  return runs.findLast((run) => run.sampleRateHz !== sampleRateHz)?.end ?? 0;
}

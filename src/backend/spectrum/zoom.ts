import { decimationNeeds, PASSBAND_EDGE } from '../dsp/decimation-plan.ts';
import { MAX_DECIMATION } from '../iq/tuned/tuned-band.ts';
import { MAX_FILTER_COST } from '../iq/tuned/tuned-streams.ts';

/** For quotients that rounding has made a little less than the whole number that they are. */
const ROUNDING = 1 + 1e-9;

/** Whether a number has no prime factor above 5: cascades of such decimations are short, and there are many of them. */
function isCheap(decimation: number): boolean {
  let rest = decimation;
  for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
  return rest === 1;
}

/**
 * By how much to decimate before the transform, so that its points go to the span that is wanted and little beside it: that
 * lies within the flat part of the filter then, and has a half to four fifths of the points; down to two fifths where only
 * the cheapest filters can be as fast as the rate, fewer where MAX_DECIMATION is not enough.
 *
 * @param spanHz undefined means the whole band.
 * @returns 1 for a span of more than two fifths of the band, and where no filter of a station can be as fast as this rate.
 */
export function zoomDecimation(spanHz: number | undefined, sampleRateHz: number): number {
  if (spanHz === undefined) return 1;
  const fits = Math.floor(((2 * PASSBAND_EDGE * sampleRateHz) / spanHz) * ROUNDING);
  if (fits < 2) return 1;
  const most = Math.min(MAX_DECIMATION, fits);
  let finest = most;
  while (!isCheap(finest)) finest--;
  // Halvings are the cheapest cascades of all.
  const halvings = 2 ** Math.floor(Math.log2(most));
  const canFilter = (decimation: number): boolean => decimationNeeds(decimation).cost * sampleRateHz <= MAX_FILTER_COST;
  return [finest, halvings].find(canFilter) ?? 1;
}

/** The bins of a spectrum that a zoom's filter leaves as they were; all of them where there is none. */
export function flatBins(powers: Float64Array, decimation: number): Float64Array {
  if (decimation === 1) return powers;
  const outside = Math.ceil((0.5 - PASSBAND_EDGE) * powers.length);
  return powers.subarray(outside, powers.length - outside);
}

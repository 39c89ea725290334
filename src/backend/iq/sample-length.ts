import { checkNumber, type NumberRange } from '../field-checks.ts';

/** A year at the highest rate: what is longer is a mistake of units. */
const SAMPLES: NumberRange = { min: 1, max: 2e15, unit: 'samples' };
const SECONDS: NumberRange = { min: 1e-6, max: 31_622_400, unit: 's' };

/** How much is wanted; without a member, whatever comes. */
export interface SampleLength {
  readonly samples?: number;
  readonly seconds?: number;
}

/** The length that a request names. @throws PassbandError INVALID_ARGUMENT naming field, range and unit. */
export function lengthOf(request: { readonly samples?: string; readonly seconds?: number }): SampleLength {
  const { samples, seconds } = request;
  if (samples !== undefined) return { samples: checkNumber('samples', Number(samples), SAMPLES) };
  if (seconds !== undefined) return { seconds: checkNumber('seconds', seconds, SECONDS) };
  return {};
}

/** Whether whatever comes is wanted. */
export function isEndless({ samples, seconds }: SampleLength): boolean {
  return samples === undefined && seconds === undefined;
}

/** Samples that a length is at a rate; undefined for one without an end. */
export function samplesOf({ samples, seconds }: SampleLength, sampleRateHz: number): number | undefined {
  return samples ?? (seconds === undefined ? undefined : Math.max(1, Math.round(seconds * sampleRateHz)));
}

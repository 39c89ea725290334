import { PassbandError } from '../../../errors.ts';
import { checkNumber, checkOptionalNumber, type NumberRange } from '../../field-checks.ts';
import { SAMPLE_RATE } from '../../stations/ranges.ts';
import type { Tuning } from '../sources/source.ts';

/** Decimation at most: beyond, the filters hold more samples than rings do. */
export const MAX_DECIMATION = 4096;

/** How far a rate may be from an allowed one and still mean it: rates such as a third of 1 MS/s have no end. */
const RATE_TOLERANCE = 1e-6;

const OFFSET: NumberRange = { min: -SAMPLE_RATE.max / 2, max: SAMPLE_RATE.max / 2, unit: 'Hz' };

/** A part of a station's band. */
export interface TunedBand {
  /** Centre of the part, from the station's. */
  readonly offsetHz: number;
  /** Whole number by which the sample rate is divided, 2 at least. */
  readonly decimation: number;
}

/** The fields of a request that say which part is wanted. */
export interface BandRequest {
  readonly frequency_offset_hz: number;
  /** Complex samples per second; 0 means the station's own. */
  readonly output_rate: number;
}

/**
 * The part of a station's band that a request wants; undefined when that is all of it, as it is.
 *
 * @throws PassbandError INVALID_ARGUMENT naming what is allowed.
 */
export function tunedBand(request: BandRequest, { sampleRateHz }: Tuning): TunedBand | undefined {
  const offsetHz = checkNumber('frequency_offset_hz', request.frequency_offset_hz, OFFSET);
  const rates: NumberRange = { min: sampleRateHz / MAX_DECIMATION, max: sampleRateHz, unit: 'samples/s' };
  const wantedHz = checkOptionalNumber('output_rate', request.output_rate, rates, "means the source's own, unfiltered");
  if (wantedHz === undefined) {
    if (offsetHz === 0) return undefined;
    throw new PassbandError(
      'INVALID_ARGUMENT',
      'frequency_offset_hz needs output_rate: the width that is wanted there',
    );
  }
  const decimation = Math.round(sampleRateHz / wantedHz);
  const outputRateHz = sampleRateHz / decimation;
  if (Math.abs(outputRateHz - wantedHz) > RATE_TOLERANCE * wantedHz) {
    throw new PassbandError('INVALID_ARGUMENT', `output_rate ${nearestRates(wantedHz, sampleRateHz)}`);
  }
  const farthestHz = (sampleRateHz - outputRateHz) / 2;
  if (Math.abs(offsetHz) > farthestHz) {
    throw new PassbandError(
      'INVALID_ARGUMENT',
      `frequency_offset_hz must be a number from ${-farthestHz} to ${farthestHz} Hz for this output_rate: the part must lie in the station's band`,
    );
  }
  return decimation === 1 ? undefined : { offsetHz, decimation };
}

function nearestRates(wantedHz: number, sampleRateHz: number): string {
  const below = Math.floor(sampleRateHz / wantedHz);
  const near = [below, below + 1].filter((decimation) => decimation >= 1 && decimation <= MAX_DECIMATION);
  const rates = near.map((decimation) => sampleRateHz / decimation).join(' and ');
  return `must be the station's ${sampleRateHz} samples/s divided by a whole number; the nearest are ${rates} samples/s`;
}

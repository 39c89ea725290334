import { PassbandError } from '../../errors.ts';
import { checkNumber, type NumberRange } from '../field-checks.ts';
import type { FrontEnd } from './sources/source.ts';

/** Receivers reach from some decibels of loss to amplifiers in front of them; beyond lies a unit mistake. */
export const GAIN: NumberRange = { min: -20, max: 100, unit: 'dB' };
/** The worst crystals are off by a tenth of this. */
export const FREQUENCY_CORRECTION: NumberRange = { min: -1_000, max: 1_000, unit: 'parts per million' };

/** The fields of sdr.oran.StreamConfig that are about the receiver; undefined ones are absent. */
export interface FrontEndRequest {
  readonly gain_db?: number;
  readonly automatic_gain?: boolean;
  readonly frequency_correction_ppm?: number;
}

/**
 * What a request wants to change of the receiver; empty when nothing.
 *
 * @throws PassbandError INVALID_ARGUMENT naming the field, its range and unit.
 */
export function checkFrontEnd(request: FrontEndRequest): FrontEnd {
  const { gain_db: gain, automatic_gain: automatic = false, frequency_correction_ppm: ppm } = request;
  if (automatic && gain !== undefined) {
    throw new PassbandError('INVALID_ARGUMENT', 'gain_db and automatic_gain exclude each other; give one of them');
  }
  const gainDb = gain === undefined ? undefined : checkNumber('gain_db', gain, GAIN);
  return {
    ...(automatic ? { gainDb: 'automatic' } : gainDb === undefined ? {} : { gainDb }),
    ...(ppm === undefined
      ? {}
      : { frequencyCorrectionPpm: checkNumber('frequency_correction_ppm', ppm, FREQUENCY_CORRECTION) }),
  };
}

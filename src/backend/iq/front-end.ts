import { PassbandError } from '../../errors.ts';
import { checkNumber } from '../field-checks.ts';
import { GAIN, PPM } from '../stations/ranges.ts';
import type { FrontEnd } from './sources/source.ts';

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
    ...(ppm === undefined ? {} : { frequencyCorrectionPpm: checkNumber('frequency_correction_ppm', ppm, PPM) }),
  };
}

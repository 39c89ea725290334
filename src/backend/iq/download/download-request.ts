import { PassbandError } from '../../../errors.ts';
import { checkNumber, type NumberRange } from '../../field-checks.ts';
import type { Station } from '../../stations/station.ts';
import { DATATYPES, type Datatype, isDatatype } from '../formats.ts';
import { type BandRequest, type TunedBand, tunedBand } from '../tuned/tuned-band.ts';
import { parseStartPosition, type StartPosition } from './start-position.ts';

/** A year at the highest rate: what is longer is a mistake of units. */
const SAMPLES: NumberRange = { min: 1, max: 2e15, unit: 'samples' };
const SECONDS: NumberRange = { min: 1e-6, max: 31_622_400, unit: 's' };

/** sdr.oran.DownloadIQRequest. */
export interface DownloadRequest extends BandRequest {
  readonly station_id: string;
  readonly datatype: string;
  /** Decimal; absent when not given. */
  readonly samples?: string;
  readonly seconds?: number;
  readonly from: string;
  readonly archive: string;
}

/** How much is wanted; without a member, whatever comes. */
export interface Length {
  readonly samples?: number;
  readonly seconds?: number;
}

/** The length that a request names. @throws PassbandError INVALID_ARGUMENT naming field, range and unit. */
export function lengthOf(request: { readonly samples?: string; readonly seconds?: number }): Length {
  const { samples, seconds } = request;
  if (samples !== undefined) return { samples: checkNumber('samples', Number(samples), SAMPLES) };
  if (seconds !== undefined) return { seconds: checkNumber('seconds', seconds, SECONDS) };
  return {};
}

/** Samples that a length is at a rate; undefined for one without an end. */
export function samplesOf({ samples, seconds }: Length, sampleRateHz: number): number | undefined {
  return samples ?? (seconds === undefined ? undefined : Math.max(1, Math.round(seconds * sampleRateHz)));
}

/** The datatype that a request names, or the source's own. @throws PassbandError INVALID_ARGUMENT */
export function datatypeOf(asked: string, station: Station): Datatype {
  const datatype = asked === '' ? station.hub.source.datatype : asked;
  if (isDatatype(datatype)) return datatype;
  throw new PassbandError('INVALID_ARGUMENT', `datatype must be one of ${DATATYPES.join(', ')}, or empty`);
}

/** A request that was understood. */
export interface Wanted {
  readonly datatype: Datatype;
  /** The part of the station's band; undefined means all of it, as it is. */
  readonly band: TunedBand | undefined;
  readonly from: StartPosition;
  readonly length: Length;
  readonly isArchive: boolean;
}

/** What a request wants of a station. @throws PassbandError INVALID_ARGUMENT naming field, range and unit. */
export function wantedOf(request: DownloadRequest, station: Station): Wanted {
  const { archive } = request;
  const from = parseStartPosition(request.from);
  if (archive !== '' && archive !== 'sigmf') {
    throw new PassbandError('INVALID_ARGUMENT', 'archive must be "sigmf", or empty for raw samples');
  }
  const length = lengthOf(request);
  if (archive === 'sigmf' && length.samples === undefined && length.seconds === undefined) {
    throw new PassbandError(
      'INVALID_ARGUMENT',
      'an archive states its size before its first sample: give samples or seconds',
    );
  }
  const band = tunedBand(request, station.hub.source.tuning);
  // Filtered samples have more to say than the few bits of a source's own.
  const datatype = band !== undefined && request.datatype === '' ? 'cf32_le' : datatypeOf(request.datatype, station);
  return { datatype, band, from, length, isArchive: archive === 'sigmf' };
}

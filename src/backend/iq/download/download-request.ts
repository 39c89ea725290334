import { PassbandError } from '../../../errors.ts';
import type { Station } from '../../stations/station.ts';
import type { Datatype } from '../formats.ts';
import { requestedDatatype } from '../requested-datatype.ts';
import { isEndless, lengthOf, type SampleLength } from '../sample-length.ts';
import { type BandRequest, type TunedBand, tunedBand } from '../tuned/tuned-band.ts';
import { parseStartPosition, type StartPosition } from './start-position.ts';

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

/** A request that was understood. */
export interface Wanted {
  readonly datatype: Datatype;
  /** The part of the station's band; undefined means all of it, as it is. */
  readonly band: TunedBand | undefined;
  readonly from: StartPosition;
  readonly length: SampleLength;
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
  if (archive === 'sigmf' && isEndless(length)) {
    throw new PassbandError(
      'INVALID_ARGUMENT',
      'an archive states its size before its first sample: give samples or seconds',
    );
  }
  const band = tunedBand(request, station.hub.source.tuning);
  // Filtered samples have more to say than the few bits of a source's own.
  const datatype = requestedDatatype(request.datatype, band === undefined ? station.hub.datatype : 'cf32_le');
  return { datatype, band, from, length, isArchive: archive === 'sigmf' };
}

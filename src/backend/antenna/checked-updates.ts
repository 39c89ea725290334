import { PassbandError } from '../../errors.ts';
import { checkNumber, type NumberRange } from '../field-checks.ts';
import { DOPPLER_SHIFT } from '../stations/ranges.ts';
import type { Site } from '../stations/site.ts';
import type { Station } from '../stations/station.ts';
import { Orbit } from './orbit.ts';
import { OrbitTarget, PredictedTarget, type Target } from './target.ts';
import { parseTle, type Tle } from './tle.ts';
import type { TrackingOrder } from './tracker.ts';

export const AZIMUTH: NumberRange = { min: 0, max: 360, unit: 'degrees' };
export const ELEVATION: NumberRange = { min: 0, max: 90, unit: 'degrees' };
/** A feed may be asked to turn either way. */
export const POLARIZATION: NumberRange = { min: -360, max: 360, unit: 'degrees' };
export const MIN_ELEVATION: NumberRange = { min: 0, max: 89, unit: 'degrees' };
/** 0, or what radios reach. */
export const DOWNLINK: NumberRange = { min: 0, max: 300e9, unit: 'Hz' };
/** A satellite that sets is predicted below the horizon. */
const PREDICTED_ELEVATION: NumberRange = { min: -90, max: 90, unit: 'degrees' };
/** To the Moon and some way on. */
const RANGE: NumberRange = { min: 0, max: 1_000_000, unit: 'km' };
/** A low orbit at Ka-band makes less than 1 MHz. */
/** Further off, a prediction says nothing about now; most likely the unit is wrong. */
const PREDICTION_AGE: NumberRange = { min: -3600, max: 3600, unit: 's from now' };
/** Characters of a satellite's name at most. */
const MAX_NAME = 64;

/** sdr.oran.TrackingUpdate as it arrives. */
export interface TrackingUpdate {
  readonly station_id: string;
  readonly timestamp_ns: string;
  readonly satellite_name: string;
  readonly tle_line1: string;
  readonly tle_line2: string;
  readonly predicted_azimuth_deg: number;
  readonly predicted_elevation_deg: number;
  readonly predicted_range_km: number;
  readonly predicted_doppler_hz: number;
  readonly downlink_frequency_hz: number;
  readonly min_elevation_deg: number;
}

/** A name that people can read. @throws PassbandError INVALID_ARGUMENT */
function checkName(name: string): string {
  if (name.length <= MAX_NAME && !/\p{C}/u.test(name)) return name;
  throw new PassbandError(
    'INVALID_ARGUMENT',
    `satellite_name must have ${MAX_NAME} characters at most and no control characters`,
  );
}

/** The station's site. @throws PassbandError FAILED_PRECONDITION where it has none. */
export function requireSite(station: Station): Site {
  const { site } = station.config;
  if (site !== undefined) return site;
  throw new PassbandError(
    'FAILED_PRECONDITION',
    `station ${station.id} has no site, so that nothing can be predicted for it; give it latitude and longitude`,
  );
}

/**
 * What an update asks to follow. The client's predictions are followed where there are any; an element set alone is
 * predicted here; an update with neither goes on with what is followed already.
 *
 * @param nowMs time of an update that states none.
 * @throws PassbandError INVALID_ARGUMENT naming field, range and unit; FAILED_PRECONDITION without a site.
 */
export function orderOf(
  update: TrackingUpdate,
  station: Station,
  before: TrackingOrder | undefined,
  nowMs: number,
): TrackingOrder {
  const name = checkName(update.satellite_name) || (before?.name ?? '');
  const minElevationDeg = checkNumber('min_elevation_deg', update.min_elevation_deg, MIN_ELEVATION);
  const downlinkHz = checkNumber('downlink_frequency_hz', update.downlink_frequency_hz, DOWNLINK);
  const prediction = {
    azimuthDeg: checkNumber('predicted_azimuth_deg', update.predicted_azimuth_deg, AZIMUTH),
    elevationDeg: checkNumber('predicted_elevation_deg', update.predicted_elevation_deg, PREDICTED_ELEVATION),
    rangeKm: checkNumber('predicted_range_km', update.predicted_range_km, RANGE),
    dopplerHz: checkNumber('predicted_doppler_hz', update.predicted_doppler_hz, DOPPLER_SHIFT),
  };
  const hasElements = update.tle_line1 !== '' || update.tle_line2 !== '';
  // Checked even where the client predicts: a mistyped set is a mistake all the same.
  const tle = hasElements ? parseTle(update.tle_line1, update.tle_line2) : undefined;
  if (Object.values(prediction).every((value) => value === 0)) {
    const target = tle === undefined ? before?.target : orbitTarget(tle, downlinkHz, station, before?.target);
    if (target !== undefined) return { name, target, minElevationDeg };
    throw new PassbandError(
      'INVALID_ARGUMENT',
      'an update needs predicted_azimuth_deg and its like, or tle_line1 and tle_line2 to predict from',
    );
  }
  const timeMs = update.timestamp_ns === '0' ? nowMs : Number(BigInt(update.timestamp_ns)) / 1e6;
  checkNumber('timestamp_ns', (timeMs - nowMs) / 1000, PREDICTION_AGE);
  const target = before?.target instanceof PredictedTarget ? before.target : new PredictedTarget();
  const dopplerOf =
    tle === undefined || downlinkHz === 0 ? undefined : orbitTarget(tle, downlinkHz, station, undefined);
  target.add({ timeMs, ...prediction }, dopplerOf);
  return { name, target, minElevationDeg };
}

/** The satellite of an element set: the one that is followed already, where it is the same. */
function orbitTarget(tle: Tle, downlinkHz: number, station: Station, before: Target | undefined): OrbitTarget {
  if (
    before instanceof OrbitTarget &&
    before.downlinkHz === downlinkHz &&
    before.orbit.tle.line1 === tle.line1 &&
    before.orbit.tle.line2 === tle.line2
  ) {
    return before;
  }
  // Where no frequency is given, it sends on the one to which the station is tuned, also when that changes.
  const tunedHz = (): number => station.hub.source.tuning.centerFrequencyHz;
  return new OrbitTarget(new Orbit(tle), requireSite(station), downlinkHz, tunedHz);
}

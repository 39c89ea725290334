import type { Clock } from '../clock.ts';
import { checkNumber, checkOptionalNumber, type NumberRange } from '../field-checks.ts';
import type { Station } from '../stations/station.ts';
import { DOWNLINK, MIN_ELEVATION, requireSite } from './checked-updates.ts';
import { dopplerHz, Orbit } from './orbit.ts';
import { findPasses, type TimedLook } from './passes.ts';
import { parseTle } from './tle.ts';

/** Length of a search, and what it is unless told. Ten days cost some 60 ms of processor. */
const HOURS: NumberRange = { min: 0.1, max: 240, unit: 'hours' };
const DEFAULT_HOURS = 24;
/** Further away an element set says nothing. */
const START: NumberRange = { min: -3660, max: 3660, unit: 'days from now' };

/** sdr.oran.ListPassesRequest as it arrives. */
export interface ListPassesRequest {
  readonly station_id: string;
  readonly tle_line1: string;
  readonly tle_line2: string;
  readonly start_time_ns: string;
  readonly hours: number;
  readonly min_elevation_deg: number;
  readonly downlink_frequency_hz: number;
}

/**
 * sdr.oran.AntennaControlService/ListPasses.
 *
 * @throws PassbandError INVALID_ARGUMENT naming field, range and unit; FAILED_PRECONDITION without a site.
 */
export async function listPasses(request: ListPassesRequest, station: Station, clock: Clock): Promise<object> {
  const orbit = new Orbit(parseTle(request.tle_line1, request.tle_line2));
  const hours = checkOptionalNumber('hours', request.hours, HOURS, `means ${DEFAULT_HOURS}`) ?? DEFAULT_HOURS;
  const minElevationDeg = checkNumber('min_elevation_deg', request.min_elevation_deg, MIN_ELEVATION);
  const carrierHz = checkNumber('downlink_frequency_hz', request.downlink_frequency_hz, DOWNLINK);
  const nowMs = Number(clock.wallNs()) / 1e6;
  const fromMs = request.start_time_ns === '0' ? nowMs : Number(BigInt(request.start_time_ns)) / 1e6;
  checkNumber('start_time_ns', (fromMs - nowMs) / 86_400_000, START);
  const site = requireSite(station);
  const toMs = fromMs + hours * 3_600_000;
  const passes = await findPasses({ orbit, site, fromMs, toMs, minElevationDeg });
  const angles = (look: TimedLook): object => ({
    timestamp_ns: BigInt(Math.round(look.timeMs * 1e6)).toString(),
    azimuth_deg: look.azimuthDeg,
    elevation_deg: look.elevationDeg,
    range_km: look.rangeKm,
    range_rate_km_s: look.rangeRateKmS,
    doppler_hz: carrierHz === 0 ? 0 : dopplerHz(look.rangeRateKmS, carrierHz),
  });
  return {
    passes: passes.map(({ aos, tca, los, maxElevationDeg, risenBefore, setsAfter }) => ({
      aos: angles(aos),
      tca: angles(tca),
      los: angles(los),
      max_elevation_deg: maxElevationDeg,
      risen_before: risenBefore,
      sets_after: setsAfter,
    })),
    element_set_age_days: orbit.ageDays(fromMs),
  };
}

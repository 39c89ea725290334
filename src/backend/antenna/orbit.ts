import { checkForDecay, type SatRec, SatRecError, sgp4, twoline2satrec } from 'satellite.js';
import { PassbandError } from '../../errors.ts';
import type { Site } from '../stations/site.ts';
import type { Tle } from './tle.ts';

/** Speed of light, km/s. */
export const LIGHT_SPEED_KM_S = 299_792.458;
/** Days from the epoch of an element set within which it is evaluated: far beyond any use. */
const MAX_DAYS_FROM_EPOCH = 3660;
/**
 * The same for deep space, where SGP4 integrates resonances from the epoch on, each time, in steps of half a day: one
 * position costs some 10 us after three months, and would cost forty times that after ten years.
 */
const MAX_DEEP_SPACE_DAYS = 100;
/** Orbits a day below which SGP4 counts an orbit as deep space: 225 minutes each. */
const DEEP_SPACE_REV_PER_DAY = 6.4;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const CENTURY_MS = 36_525 * DAY_MS;
/** 2000-01-01T12:00:00. */
const J2000_MS = 946_728_000_000;
/** A second of time as an angle. */
const SECOND_RAD = (2 * Math.PI) / 86_400;
/** Rotation of the Earth, rad/s (WGS 84). */
const EARTH_RATE = 7.292115e-5;
/** Semi-major axis in km and square of the eccentricity of WGS 84. */
const EARTH_RADIUS_KM = 6378.137;
const FLATTENING = 1 / 298.257223563;
const ECCENTRICITY_2 = FLATTENING * (2 - FLATTENING);
const RADIANS = Math.PI / 180;

/** A vector, km or km/s. */
export interface Vector {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** Position in km and velocity in km/s. */
export interface Motion {
  readonly positionKm: Vector;
  readonly velocityKmS: Vector;
}

/** Where a satellite is as seen from a site. No refraction and no light time: geometry alone. */
export interface LookAngles {
  /** From true north clockwise, 0 up to 360. */
  readonly azimuthDeg: number;
  /** Above the horizon, -90 to 90. */
  readonly elevationDeg: number;
  readonly rangeKm: number;
  /** Change of the range; negative when approaching. */
  readonly rangeRateKmS: number;
  /** Change of the elevation. */
  readonly elevationRateDegS: number;
}

const SGP4_FAULTS: Readonly<Record<number, string>> = {
  [SatRecError.MeanEccentricityOutOfRange]: 'its mean eccentricity leaves 0 to 1',
  [SatRecError.MeanMotionBelowZero]: 'its mean motion falls below zero',
  [SatRecError.PerturbedEccentricityOutOfRange]: 'its perturbed eccentricity leaves 0 to 1',
  [SatRecError.SemiLatusRectumBelowZero]: 'its semi-latus rectum falls below zero',
  [SatRecError.Decayed]: 'it has decayed by then',
};

/** An orbit that SGP4 follows (SDP4 for periods of 225 minutes and more), from a checked element set. */
export class Orbit {
  readonly tle: Tle;
  readonly #record: SatRec;

  /** @throws PassbandError INVALID_ARGUMENT when SGP4 cannot follow it even at its epoch. */
  constructor(tle: Tle) {
    this.tle = tle;
    this.#record = twoline2satrec(tle.line1, tle.line2);
    this.at(tle.epochMs);
    // The height of the perigee in radii of the Earth.
    if (this.#record.altp < 0) throw this.#fault(tle.epochMs, 'its perigee is under ground');
  }

  /** Days from the epoch of the elements to a time; negative before it. */
  ageDays(timeMs: number): number {
    return (timeMs - this.tle.epochMs) / DAY_MS;
  }

  /**
   * Motion in SGP4's own frame, true equator mean equinox.
   *
   * @param timeMs milliseconds since 1970-01-01T00:00:00Z; a fraction counts.
   * @throws PassbandError INVALID_ARGUMENT when SGP4 gives no position for that time: decayed, or elements gone astray.
   */
  at(timeMs: number): Motion {
    const sinceMs = timeMs - this.tle.epochMs;
    // The negation catches NaN too.
    const isDeepSpace = this.tle.meanMotionRevPerDay <= DEEP_SPACE_REV_PER_DAY;
    const maxDays = isDeepSpace ? MAX_DEEP_SPACE_DAYS : MAX_DAYS_FROM_EPOCH;
    if (!(Math.abs(sinceMs) <= maxDays * DAY_MS)) {
      throw this.#fault(timeMs, `that is more than ${maxDays} days from the epoch of the elements`);
    }
    const motion = sgp4(this.#record, sinceMs / MINUTE_MS);
    if (motion === null || checkForDecay(this.#record)) {
      throw this.#fault(
        timeMs,
        SGP4_FAULTS[motion === null ? this.#record.error : SatRecError.Decayed] ?? 'SGP4 fails',
      );
    }
    const { position, velocity } = motion;
    if (!Number.isFinite(position.x + position.y + position.z + velocity.x + velocity.y + velocity.z)) {
      throw this.#fault(timeMs, 'SGP4 fails');
    }
    return { positionKm: position, velocityKmS: velocity };
  }

  #fault(timeMs: number, why: string): PassbandError {
    const time = new Date(timeMs);
    const when = Number.isNaN(time.getTime()) ? 'that time' : time.toISOString();
    const { satelliteNumber } = this.tle;
    return new PassbandError(
      'INVALID_ARGUMENT',
      `satellite ${satelliteNumber} cannot be predicted for ${when}: ${why}`,
    );
  }
}

/**
 * Where a satellite is as seen from a site, with the Earth's rotation. UT1 is taken for UTC where the site does not say by
 * how much they differ, and the pole for where it is on average.
 *
 * @param timeMs milliseconds since 1970-01-01T00:00:00Z; a fraction counts.
 * @throws PassbandError as {@link Orbit.at}.
 */
export function lookAngles(orbit: Orbit, site: Site, timeMs: number): LookAngles {
  const { positionKm, velocityKmS } = orbit.at(timeMs);
  // From the celestial frame into the one that turns with the Earth, towards the site's own meridian.
  const turn = siderealRad(timeMs + 1000 * (site.ut1UtcS ?? 0)) + site.longitudeDeg * RADIANS;
  const cosTurn = Math.cos(turn);
  const sinTurn = Math.sin(turn);
  const outward = positionKm.x * cosTurn + positionKm.y * sinTurn;
  const east = positionKm.y * cosTurn - positionKm.x * sinTurn;
  const outwardRate = velocityKmS.x * cosTurn + velocityKmS.y * sinTurn + EARTH_RATE * east;
  const eastRate = velocityKmS.y * cosTurn - velocityKmS.x * sinTurn - EARTH_RATE * outward;
  const cosLatitude = Math.cos(site.latitudeDeg * RADIANS);
  const sinLatitude = Math.sin(site.latitudeDeg * RADIANS);
  const normalKm = EARTH_RADIUS_KM / Math.sqrt(1 - ECCENTRICITY_2 * sinLatitude * sinLatitude);
  const altitudeKm = site.altitudeM / 1000;
  const dOut = outward - (normalKm + altitudeKm) * cosLatitude;
  const dPolar = positionKm.z - (normalKm * (1 - ECCENTRICITY_2) + altitudeKm) * sinLatitude;
  const up = dOut * cosLatitude + dPolar * sinLatitude;
  const north = dPolar * cosLatitude - dOut * sinLatitude;
  const rangeKm = Math.hypot(east, north, up);
  const rangeRateKmS = (dOut * outwardRate + east * eastRate + dPolar * velocityKmS.z) / rangeKm;
  const upRate = outwardRate * cosLatitude + velocityKmS.z * sinLatitude;
  const level = Math.hypot(east, north);
  const azimuth = Math.atan2(east, north) / RADIANS;
  return {
    azimuthDeg: azimuth < 0 ? azimuth + 360 : azimuth,
    elevationDeg: Math.atan2(up, level) / RADIANS,
    rangeKm,
    rangeRateKmS,
    // At the very zenith the elevation has a peak and no rate.
    elevationRateDegS: level === 0 ? 0 : (upRate * rangeKm - up * rangeRateKmS) / (rangeKm * level) / RADIANS,
  };
}

/**
 * Greenwich mean sidereal time of 1982, which is what SGP4's frame goes with (AIAA 2006-6753, appendix C). The library's
 * takes a Julian date, which as one number resolves 40 us: the Earth turns by 2 cm meanwhile, waves of a carrier.
 */
function siderealRad(ut1Ms: number): number {
  const t = (ut1Ms - J2000_MS) / CENTURY_MS;
  const seconds = 67_310.54841 + (876_600 * 3600 + 8_640_184.812866) * t + 0.093104 * t * t - 6.2e-6 * t * t * t;
  return (seconds % 86_400) * SECOND_RAD;
}

/** Doppler shift in Hz of a carrier, positive when approaching: f_rx = f_tx (1 - range rate / c). */
export function dopplerHz(rangeRateKmS: number, carrierHz: number): number {
  return (-rangeRateKmS / LIGHT_SPEED_KM_S) * carrierHz;
}

import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Station } from '../stations/station.ts';
import { angleBetween, compassDeg, type Direction, nearestPlace } from './axis-azimuth.ts';
import type { MountReading, Rotor } from './rotor.ts';
import { Tracker, type TrackingOrder } from './tracker.ts';

/** Where to point. */
export interface Pointing extends Direction {
  readonly polarizationDeg: number;
}

/** What came of a pointing. */
export interface PointingOutcome {
  readonly direction: Direction;
  readonly errorDeg: number;
}

const directionOf = ({ axisAzimuthDeg, elevationDeg }: MountReading): Direction => ({
  azimuthDeg: compassDeg(axisAzimuthDeg),
  elevationDeg,
});

/** One station's antenna: at most one follows with it at a time, and nobody points it meanwhile. */
export class Antenna {
  readonly station: Station;
  readonly rotor: Rotor;
  readonly #clock: Clock;
  #pointing: Pointing | undefined;
  #tracking: { readonly tracker: Tracker; readonly ended: (reason: PassbandError) => void } | undefined;

  constructor(station: Station, rotor: Rotor, clock: Clock) {
    this.station = station;
    this.rotor = rotor;
    this.#clock = clock;
  }

  /** Who follows with it; undefined while nobody does. */
  get tracker(): Tracker | undefined {
    return this.#tracking?.tracker;
  }

  /** The direction that was last asked for, or is steered for; undefined where none ever was. */
  get goal(): Direction | undefined {
    const aim = this.tracker?.aim;
    if (aim === undefined) return this.#pointing;
    return { azimuthDeg: compassDeg(aim.axisAzimuthDeg), elevationDeg: aim.elevationDeg };
  }

  /**
   * Sends the antenna into a direction, the shorter way that its cable allows; answers when the mount has taken the
   * command, with where it was then.
   *
   * @throws PassbandError FAILED_PRECONDITION while a satellite is followed, or without the axis that is needed;
   *   OUT_OF_RANGE naming the limits; UNAVAILABLE when the mount does not answer.
   */
  async point(pointing: Pointing): Promise<PointingOutcome> {
    const { id } = this.station;
    this.#requireFree();
    if (pointing.polarizationDeg !== 0 && !this.rotor.turnsPolarization) {
      throw new PassbandError('FAILED_PRECONDITION', `the antenna of ${id} has no polarisation axis; leave it at 0`);
    }
    const { axisAzimuthDeg: fromDeg } = await this.rotor.read();
    // Somebody may have begun to follow meanwhile.
    this.#requireFree();
    const { limits } = this.rotor;
    const place = nearestPlace(pointing.azimuthDeg, fromDeg, limits);
    const { elevationDeg } = pointing;
    if (place === undefined || elevationDeg < limits.minElevationDeg || elevationDeg > limits.maxElevationDeg) {
      const azimuths = `azimuth ${limits.minAzimuthDeg} to ${limits.maxAzimuthDeg}`;
      const elevations = `elevation ${limits.minElevationDeg} to ${limits.maxElevationDeg} degrees`;
      throw new PassbandError('OUT_OF_RANGE', `the antenna of ${id} reaches ${azimuths} and ${elevations}`);
    }
    await this.rotor.pointTo({ axisAzimuthDeg: place, elevationDeg });
    if (this.rotor.turnsPolarization) this.rotor.turnPolarization(pointing.polarizationDeg);
    this.#pointing = pointing;
    const direction = directionOf(await this.rotor.read());
    return { direction, errorDeg: angleBetween(direction, pointing) };
  }

  /**
   * Follows a satellite until the tracker is given back, or until `ended` is told why it cannot go on.
   *
   * @throws PassbandError ALREADY_EXISTS while another is followed, FAILED_PRECONDITION when the station is stopped.
   */
  track(order: TrackingOrder, ended: (reason: PassbandError) => void): Tracker {
    if (this.#tracking !== undefined) {
      throw new PassbandError('ALREADY_EXISTS', `the antenna of ${this.station.id} follows a satellite already`);
    }
    const over = (reason: PassbandError): void => {
      this.#tracking = undefined;
      ended(reason);
    };
    const tracker = new Tracker(order, { station: this.station, rotor: this.rotor, clock: this.#clock, ended: over });
    this.#tracking = { tracker, ended };
    this.#pointing = undefined;
    return tracker;
  }

  /** Ends a tracking, in whose place another may begin. */
  release(tracker: Tracker): void {
    tracker.stop();
    if (this.#tracking?.tracker === tracker) this.#tracking = undefined;
  }

  /** Ends it for good; who follows with it is told why. */
  close(reason: PassbandError): void {
    const tracking = this.#tracking;
    this.#tracking = undefined;
    tracking?.tracker.stop();
    tracking?.ended(reason);
    this.rotor.close();
  }

  #requireFree(): void {
    if (this.tracker === undefined) return;
    const name = this.tracker.name === '' ? 'a satellite' : this.tracker.name;
    const { id } = this.station;
    throw new PassbandError('FAILED_PRECONDITION', `the antenna of ${id} follows ${name}; end TrackSatellite first`);
  }
}

import type { PassbandError } from '../../errors.ts';
import type { MountLimits } from './axis-azimuth.ts';

/** Where the axes are to go. */
export interface AxisAim {
  /** Place of the azimuth axis, within its limits: 350 and -10 look the same way and are two places. */
  readonly axisAzimuthDeg: number;
  readonly elevationDeg: number;
}

/** What a mount tells of itself. What it does not measure is 0. */
export interface MountReading extends AxisAim {
  readonly polarizationDeg: number;
  readonly azimuthMotorOk: boolean;
  readonly elevationMotorOk: boolean;
  readonly azimuthMotorCurrentA: number;
  readonly elevationMotorCurrentA: number;
  readonly windSpeedMS: number;
  readonly temperatureC: number;
}

/** What moves an antenna about an azimuth and an elevation axis. */
export interface Rotor {
  /** How far the axes reach. */
  readonly limits: MountLimits;
  /** Greatest speed of the azimuth axis, degrees per second; undefined where it is not known. */
  readonly azimuthRateDegS: number | undefined;
  /** Milliseconds between two commands that it can make use of. */
  readonly commandIntervalMs: number;
  /** Why it can be neither moved nor read at present; undefined while nothing is known to be wrong. */
  readonly fault: PassbandError | undefined;
  /** Whether it has a polarisation axis. */
  readonly turnsPolarization: boolean;
  /** The latest reading; where there never was one, everything is 0. */
  readonly lastReading: MountReading;
  /** @throws PassbandError UNAVAILABLE when it does not answer. */
  read(): Promise<MountReading>;
  /**
   * Begins to move; resolves when the mount has taken the command, not when it has arrived. The newest command holds.
   *
   * @throws PassbandError UNAVAILABLE when it does not answer, FAILED_PRECONDITION when it refuses.
   */
  pointTo(aim: AxisAim): Promise<void>;
  /** Turns the polarisation, where there is such an axis. */
  turnPolarization(polarizationDeg: number): void;
  /** Stops where it is. @throws PassbandError UNAVAILABLE when it does not answer. */
  stop(): Promise<void>;
  /** Lets go of everything, for good. */
  close(): void;
}

/** Of a mount that measures nothing. */
export const NO_READING: MountReading = {
  axisAzimuthDeg: 0,
  elevationDeg: 0,
  polarizationDeg: 0,
  azimuthMotorOk: false,
  elevationMotorOk: false,
  azimuthMotorCurrentA: 0,
  elevationMotorCurrentA: 0,
  windSpeedMS: 0,
  temperatureC: 0,
};

import type { Clock } from '../clock.ts';
import type { MountLimits } from './axis-azimuth.ts';
import type { SimulatedMountConfig } from './config.ts';
import type { AxisAim, MountReading, Rotor } from './rotor.ts';

/** Defaults that station.proto states. */
const DEFAULTS: Required<SimulatedMountConfig> = {
  azimuthRateDegS: 6,
  elevationRateDegS: 3,
  minAzimuthDeg: -270,
  maxAzimuthDeg: 270,
  minElevationDeg: 0,
  maxElevationDeg: 90,
};
/** Degrees per second of the feed. */
const POLARIZATION_RATE_DEG_S = 10;
/** A motor's current at rest and at full speed, and how much a wind of 10 m/s adds to that, amperes. */
const IDLE_A = 0.2;
const MOVING_A = 2;
const WIND_A = 0.5;

/** One axis that moves at its greatest speed until it has arrived. */
class Axis {
  readonly #rateDegS: number;
  #target: number;
  #at: number;
  /** Seconds since it arrived. */
  #restedS = Number.POSITIVE_INFINITY;

  constructor(rateDegS: number, atDeg: number) {
    this.#rateDegS = rateDegS;
    this.#at = atDeg;
    this.#target = atDeg;
  }

  get atDeg(): number {
    return this.#at;
  }

  /** Whether it moves, or did within the last second: small steps of a tracking are one motion. */
  get isMoving(): boolean {
    return this.#at !== this.#target || this.#restedS < 1;
  }

  pass(seconds: number): void {
    const way = this.#target - this.#at;
    const reach = this.#rateDegS * seconds;
    const arrives = Math.abs(way) <= reach;
    this.#restedS = (way === 0 ? this.#restedS : 0) + (arrives ? seconds - Math.abs(way) / this.#rateDegS : 0);
    this.#at = arrives ? this.#target : this.#at + Math.sign(way) * reach;
  }

  moveTo(targetDeg: number): void {
    this.#target = targetDeg;
  }
}

/**
 * A mount that behaves like one: limits, greatest speeds, a cable that winds up. Weather and currents are functions of
 * time and motion alone.
 */
export class SimulatedMount implements Rotor {
  readonly limits: MountLimits;
  readonly azimuthRateDegS: number;
  readonly commandIntervalMs = 0;
  readonly fault = undefined;
  readonly turnsPolarization = true;
  readonly #clock: Clock;
  readonly #azimuth: Axis;
  readonly #elevation: Axis;
  readonly #polarization = new Axis(POLARIZATION_RATE_DEG_S, 0);
  #asOfMs: number;

  /** It begins at rest, as near to azimuth and elevation 0 as its limits allow. */
  constructor(config: SimulatedMountConfig, clock: Clock) {
    const { azimuthRateDegS, elevationRateDegS, ...limits } = { ...DEFAULTS, ...config };
    this.limits = limits;
    this.azimuthRateDegS = azimuthRateDegS;
    this.#clock = clock;
    this.#azimuth = new Axis(azimuthRateDegS, within(0, limits.minAzimuthDeg, limits.maxAzimuthDeg));
    this.#elevation = new Axis(elevationRateDegS, within(0, limits.minElevationDeg, limits.maxElevationDeg));
    this.#asOfMs = clock.nowMs();
  }

  get lastReading(): MountReading {
    this.#pass();
    const hours = Number(this.#clock.wallNs() / 1_000_000n) / 3_600_000;
    // Gusts of some minutes on a breeze that changes over hours; the air is warmest in the afternoon (UTC).
    const windSpeedMS = 5 + 2 * Math.sin(hours) + 1.5 * Math.sin(hours * 17) + Math.sin(hours * 61);
    const temperatureC = 15 + 7 * Math.cos(((hours - 14) / 24) * 2 * Math.PI);
    const currentA = (axis: Axis): number => (axis.isMoving ? MOVING_A + (WIND_A * windSpeedMS) / 10 : IDLE_A);
    return {
      axisAzimuthDeg: this.#azimuth.atDeg,
      elevationDeg: this.#elevation.atDeg,
      polarizationDeg: this.#polarization.atDeg,
      azimuthMotorOk: true,
      elevationMotorOk: true,
      azimuthMotorCurrentA: currentA(this.#azimuth),
      elevationMotorCurrentA: currentA(this.#elevation),
      windSpeedMS,
      temperatureC,
    };
  }

  async read(): Promise<MountReading> {
    return this.lastReading;
  }

  async pointTo({ axisAzimuthDeg, elevationDeg }: AxisAim): Promise<void> {
    this.#pass();
    const { minAzimuthDeg, maxAzimuthDeg, minElevationDeg, maxElevationDeg } = this.limits;
    this.#azimuth.moveTo(within(axisAzimuthDeg, minAzimuthDeg, maxAzimuthDeg));
    this.#elevation.moveTo(within(elevationDeg, minElevationDeg, maxElevationDeg));
  }

  turnPolarization(polarizationDeg: number): void {
    this.#pass();
    this.#polarization.moveTo(polarizationDeg);
  }

  async stop(): Promise<void> {
    this.#pass();
    for (const axis of [this.#azimuth, this.#elevation, this.#polarization]) axis.moveTo(axis.atDeg);
  }

  close(): void {}

  /** Moves the axes for the time that has passed since it was last looked at. */
  #pass(): void {
    const nowMs = this.#clock.nowMs();
    const seconds = (nowMs - this.#asOfMs) / 1000;
    if (seconds <= 0) return;
    this.#asOfMs = nowMs;
    for (const axis of [this.#azimuth, this.#elevation, this.#polarization]) axis.pass(seconds);
  }
}

function within(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}

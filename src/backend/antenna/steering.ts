import { nearestPlace, turnDeg } from './axis-azimuth.ts';
import { type AzimuthPlan, planAzimuth } from './azimuth-plan.ts';
import { lookAngles } from './orbit.ts';
import { findPasses } from './passes.ts';
import type { AxisAim, Rotor } from './rotor.ts';
import { OrbitTarget, type Target } from './target.ts';

/** Milliseconds ahead for which the next pass is looked for. */
const PASS_SEARCH_MS = 24 * 3_600_000;
/** Milliseconds after which it is looked for again where there was none. */
const SEARCH_AGAIN_MS = 3_600_000;
/** Milliseconds between two looks of a plan, and looks of one plan at most: some milliseconds of work. */
const LOOK_MS = 250;
const MAX_LOOKS = 4_000;

/** Decides where the axes are to go to follow a target. A pass that is predicted is planned ahead. */
export class Steering {
  readonly #target: Target;
  readonly #rotor: Rotor;
  readonly #minElevationDeg: number;
  #plan: AzimuthPlan | undefined;
  #riseAzimuthDeg = 0;
  #planning: Promise<void> | undefined;
  #planAgainMs = Number.NEGATIVE_INFINITY;
  #fault: unknown;

  constructor(target: Target, rotor: Rotor, minElevationDeg: number) {
    this.#target = target;
    this.#rotor = rotor;
    this.#minElevationDeg = Math.max(minElevationDeg, 0);
  }

  /** Settles when no plan is being made. */
  get settled(): Promise<void> {
    return this.#planning ?? Promise.resolve();
  }

  /**
   * Where to go at a time; undefined where the antenna had better stay.
   *
   * @throws PassbandError INVALID_ARGUMENT when the target cannot be predicted any more.
   */
  aimAt(timeMs: number): AxisAim | undefined {
    if (this.#fault !== undefined) throw this.#fault;
    const { azimuthDeg, elevationDeg } = this.#target.stateAt(timeMs);
    if (this.#target instanceof OrbitTarget) this.#planFrom(this.#target, timeMs);
    const plan = this.#plan;
    if (plan !== undefined && timeMs < plan.fromMs) {
      // It waits where the satellite will rise.
      return this.#aim(plan.axisDegAt(plan.fromMs, this.#riseAzimuthDeg), this.#minElevationDeg);
    }
    if (elevationDeg < this.#minElevationDeg) return undefined;
    if (plan !== undefined) return this.#aim(plan.axisDegAt(timeMs, azimuthDeg), elevationDeg);
    const place = nearestPlace(azimuthDeg, this.#rotor.lastReading.axisAzimuthDeg, this.#rotor.limits);
    return place === undefined ? undefined : this.#aim(place, elevationDeg);
  }

  /** Whether the azimuth axis cannot keep up with the target at a time. */
  isBehindAt(timeMs: number): boolean {
    const now = this.#target.stateAt(timeMs);
    if (now.elevationDeg < this.#minElevationDeg) return false;
    if (this.#plan !== undefined) return timeMs >= this.#plan.fromMs && this.#plan.isBehindAt(timeMs);
    const { azimuthRateDegS } = this.#rotor;
    const then = this.#target.stateAt(timeMs + 1000);
    return azimuthRateDegS !== undefined && Math.abs(turnDeg(now.azimuthDeg, then.azimuthDeg)) > azimuthRateDegS;
  }

  #aim(axisAzimuthDeg: number, elevationDeg: number): AxisAim {
    const { minElevationDeg, maxElevationDeg } = this.#rotor.limits;
    return { axisAzimuthDeg, elevationDeg: Math.min(Math.max(elevationDeg, minElevationDeg), maxElevationDeg) };
  }

  /** Plans the pass that is under way or comes next, unless that is done. */
  #planFrom(target: OrbitTarget, timeMs: number): void {
    if (this.#planning !== undefined || timeMs < this.#planAgainMs) return;
    if (this.#plan !== undefined && timeMs <= this.#plan.toMs) return;
    this.#planning = this.#findPlan(target, timeMs)
      .catch((error: unknown) => {
        this.#fault = error;
      })
      .finally(() => {
        this.#planning = undefined;
      });
  }

  async #findPlan(target: OrbitTarget, fromMs: number): Promise<void> {
    const { orbit, site } = target;
    const search = { orbit, site, fromMs, toMs: fromMs + PASS_SEARCH_MS, minElevationDeg: this.#minElevationDeg };
    const [pass] = await findPasses(search, 1);
    this.#plan = undefined;
    if (pass === undefined) {
      this.#planAgainMs = fromMs + SEARCH_AGAIN_MS;
      return;
    }
    const lengthMs = pass.los.timeMs - pass.aos.timeMs;
    const steps = Math.min(Math.max(Math.ceil(lengthMs / LOOK_MS), 1), MAX_LOOKS);
    const looks = Array.from({ length: steps + 1 }, (_, i) => {
      const timeMs = pass.aos.timeMs + (lengthMs * i) / steps;
      return { timeMs, ...lookAngles(orbit, site, timeMs) };
    });
    const { lastReading, limits, azimuthRateDegS } = this.#rotor;
    this.#riseAzimuthDeg = pass.aos.azimuthDeg;
    this.#plan = planAzimuth(looks, lastReading.axisAzimuthDeg, limits, azimuthRateDegS);
  }
}

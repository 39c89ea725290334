import type { DopplerShift } from '../iq/doppler/doppler-track.ts';
import type { Site } from '../stations/site.ts';
import { compassDeg, type Direction, turnDeg } from './axis-azimuth.ts';
import { dopplerHz, lookAngles, type Orbit } from './orbit.ts';

/** Predictions of a client that are kept; the oldest go first. At one a second these are eight minutes. */
const MAX_PREDICTIONS = 512;
/** Milliseconds for which the course of the last two predictions is trusted after the last; then it is held. */
const TRUST_MS = 10_000;
/** Milliseconds to either side between which the rate of a shift is taken. */
const RATE_MS = 500;

/** Where what is followed is, and how it moves. */
export interface TargetState extends Direction {
  /** 0 where it is not known. */
  readonly rangeKm: number;
  /** Undefined where nobody says. */
  readonly doppler: DopplerShift | undefined;
}

/** What an antenna follows. */
export interface Target {
  /** @throws PassbandError INVALID_ARGUMENT where it cannot be predicted, such as after a decay. */
  stateAt(timeMs: number): TargetState;
}

/** A satellite that we predict. */
export class OrbitTarget implements Target {
  readonly orbit: Orbit;
  readonly site: Site;
  /** Frequency that it sends on; 0 for the one to which the station is tuned. */
  readonly downlinkHz: number;
  readonly #tunedHz: () => number;

  constructor(orbit: Orbit, site: Site, downlinkHz: number, tunedHz: () => number) {
    this.orbit = orbit;
    this.site = site;
    this.downlinkHz = downlinkHz;
    this.#tunedHz = tunedHz;
  }

  stateAt(timeMs: number): TargetState {
    const { azimuthDeg, elevationDeg, rangeKm, rangeRateKmS } = lookAngles(this.orbit, this.site, timeMs);
    const carrierHz = this.downlinkHz === 0 ? this.#tunedHz() : this.downlinkHz;
    const shiftAt = (ms: number): number => dopplerHz(lookAngles(this.orbit, this.site, ms).rangeRateKmS, carrierHz);
    const rateHzPerS = (shiftAt(timeMs + RATE_MS) - shiftAt(timeMs - RATE_MS)) / ((2 * RATE_MS) / 1000);
    return { azimuthDeg, elevationDeg, rangeKm, doppler: { shiftHz: dopplerHz(rangeRateKmS, carrierHz), rateHzPerS } };
  }
}

/** One prediction of a client. */
export interface Prediction extends Direction {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly timeMs: number;
  readonly rangeKm: number;
  readonly dopplerHz: number;
}

/** What a client predicts, step by step: straight lines between its steps. */
export class PredictedTarget implements Target {
  /** In order of time. */
  readonly #steps: Prediction[] = [];
  #dopplerOf: Target | undefined;

  /** Time of the last step. */
  get endMs(): number {
    return this.#steps.at(-1)?.timeMs ?? Number.NEGATIVE_INFINITY;
  }

  /** A further step; it replaces those for the same time or later. The Doppler shift may come from somebody else. */
  add(step: Prediction, dopplerOf: Target | undefined): void {
    while (this.endMs >= step.timeMs) this.#steps.pop();
    this.#steps.push(step);
    if (this.#steps.length > MAX_PREDICTIONS) this.#steps.shift();
    this.#dopplerOf = dopplerOf;
  }

  stateAt(timeMs: number): TargetState {
    const [from, to] = this.#legAt(timeMs);
    const seconds = (to.timeMs - from.timeMs) / 1000;
    const trustedMs = Math.min(Math.max(timeMs, from.timeMs), this.endMs + TRUST_MS);
    const share = seconds === 0 ? 0 : (trustedMs - from.timeMs) / 1000 / seconds;
    const between = (a: number, b: number): number => a + (b - a) * share;
    // Before the first step and long after the last one, all stands still.
    const rateHzPerS = seconds === 0 || trustedMs !== timeMs ? 0 : (to.dopplerHz - from.dopplerHz) / seconds;
    const shiftHz = between(from.dopplerHz, to.dopplerHz);
    return {
      azimuthDeg: compassDeg(from.azimuthDeg + turnDeg(from.azimuthDeg, to.azimuthDeg) * share),
      elevationDeg: Math.min(90, Math.max(-90, between(from.elevationDeg, to.elevationDeg))),
      rangeKm: Math.max(0, between(from.rangeKm, to.rangeKm)),
      doppler: this.#dopplerOf === undefined ? { shiftHz, rateHzPerS } : this.#dopplerOf.stateAt(timeMs).doppler,
    };
  }

  /** The two steps on whose line a time lies: those around it, or the first or last two; twice the same where it is alone. */
  #legAt(timeMs: number): readonly [Prediction, Prediction] {
    const next = this.#steps.findIndex((step) => step.timeMs > timeMs);
    const to = Math.max(1, next === -1 ? this.#steps.length - 1 : next);
    const from = this.#steps[to - 1];
    if (from === undefined) throw new Error('nothing was predicted yet');
    return [from, this.#steps[to] ?? from];
  }
}

import type { Clock } from '../clock.ts';
import type { DopplerShift } from '../iq/doppler/doppler-track.ts';
import type { StationHub } from '../iq/hub.ts';
import type { Target } from './target.ts';

/** Hertz by which the hub's extrapolation may be off before it is corrected. */
const TOLERANCE_HZ = 0.02;
/** Milliseconds after which it is set anew all the same: others may have set it since. */
const REFRESH_MS = 5_000;
/** Milliseconds between now and the time that the next sample claims; with more (a recording) now counts. */
const BELIEVABLE_MS = 5_000;

/** Keeps a station's Doppler correction on a target. */
export class DopplerDrive {
  readonly #hub: StationHub;
  readonly #clock: Clock;
  #set: (DopplerShift & { readonly atMs: number }) | undefined;

  constructor(hub: StationHub, clock: Clock) {
    this.#hub = hub;
    this.#clock = clock;
  }

  /** The shift that is corrected now; 0 before the first. */
  get shiftHz(): number {
    return this.#set === undefined ? 0 : this.#extrapolated(this.#sampleTimeMs());
  }

  /** Sets the hub's correction where it has come off the target's. */
  follow(target: Target): void {
    const atMs = this.#sampleTimeMs();
    const { doppler } = target.stateAt(atMs);
    if (doppler === undefined) return;
    const isGood =
      this.#set !== undefined &&
      Math.abs(atMs - this.#set.atMs) < REFRESH_MS &&
      Math.abs(this.#extrapolated(atMs) - doppler.shiftHz) < TOLERANCE_HZ;
    if (isGood) return;
    this.#hub.correctDoppler(doppler);
    this.#set = { ...doppler, atMs };
  }

  /** Corrects nothing any more. */
  release(): void {
    if (this.#set !== undefined) this.#hub.correctDoppler({ shiftHz: 0, rateHzPerS: 0 });
    this.#set = undefined;
  }

  #extrapolated(atMs: number): number {
    const { shiftHz = 0, rateHzPerS = 0, atMs: from = 0 } = this.#set ?? {};
    return shiftHz + (rateHzPerS * (atMs - from)) / 1000;
  }

  /** When the next sample is received: a correction holds from there on, and it may be some milliseconds in the past. */
  #sampleTimeMs(): number {
    const nowMs = Number(this.#clock.wallNs()) / 1e6;
    const run = this.#hub.ring.runs.at(-1);
    if (run === undefined) return nowMs;
    const sampleMs = Number(run.timestampNs(this.#hub.source.nextIndex())) / 1e6;
    return Math.abs(sampleMs - nowMs) <= BELIEVABLE_MS ? sampleMs : nowMs;
  }
}

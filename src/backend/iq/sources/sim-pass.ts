import { PassbandError } from '../../../errors.ts';
import { dopplerHz, LIGHT_SPEED_KM_S, type LookAngles, lookAngles, Orbit } from '../../antenna/orbit.ts';
import { parseTle } from '../../antenna/tle.ts';
import type { Site } from '../../stations/site.ts';
import { phaseOf } from './phasor.ts';
import type { SimPass } from './sim-scene.ts';
import type { SceneShift, ShiftedRun } from './sim-signal.ts';

/**
 * Milliseconds between two places on the curve that are computed; between them the shift is a straight line. The curve of
 * a low orbit overhead bends by some 400 Hz/s^2 at 27 GHz: it strays from the line by 0.02 Hz.
 */
const CELL_MS = 20;
/** Cells that are computed together. */
const CELLS = 500;
const SPAN_MS = CELLS * CELL_MS;
const SPAN_S = SPAN_MS / 1000;
const CELL_S = CELL_MS / 1000;
const NS_PER_SPAN = BigInt(SPAN_MS) * 1_000_000n;
/** Seconds for which one frequency stands for a piece of the curve at most: its phase strays by less than 1e-4 turns. */
const RUN_S = 0.0005;
const MAX_RUN_SAMPLES = 4096;

/** The curve over SPAN_MS, a value for each beginning of a cell and one for the end. */
interface Span {
  readonly number: bigint;
  readonly shiftHz: Float64Array;
  /** Phase in turns. */
  readonly turns: Float64Array;
  readonly isUp: readonly boolean[];
}

/**
 * The Doppler shift of a satellite's pass as a function of time alone: the same whenever it is asked for, and its phase never
 * jumps. At the ends of each span the phase is that of the range in wavelengths; in between it is the integral of the
 * shift, with the few thousandths of a Hz added that make the two meet.
 */
export class PassShift implements SceneShift {
  readonly #orbit: Orbit;
  readonly #site: Site;
  readonly #carrierHz: number;
  #span: Span | undefined;
  #anchorIndex = 0;
  #anchorSpan = 0n;
  #anchorS = 0;
  #rateHz = 1;

  /** @throws PassbandError INVALID_ARGUMENT for elements that are wrong. */
  constructor(pass: SimPass, site: Site) {
    this.#orbit = new Orbit(parseTle(pass.tleLine1, pass.tleLine2));
    this.#site = site;
    this.#carrierHz = pass.downlinkFrequencyHz;
  }

  /** @throws PassbandError INVALID_ARGUMENT when the elements give no position for a time. */
  check(timeMs: number): void {
    lookAngles(this.#orbit, this.#site, timeMs);
  }

  anchor(sampleIndex: number, timestampNs: bigint, sampleRateHz: number): void {
    this.#anchorIndex = sampleIndex;
    this.#anchorSpan = timestampNs / NS_PER_SPAN;
    this.#anchorS = Number(timestampNs % NS_PER_SPAN) / 1e9;
    this.#rateHz = sampleRateHz;
  }

  runs(sampleIndex: number, samples: number, each: (run: ShiftedRun) => void): void {
    const length = runLength(this.#rateHz);
    const end = sampleIndex + samples;
    let { turns, shiftHz, isUp } = this.#at(sampleIndex - (sampleIndex % length));
    for (let begin = sampleIndex - (sampleIndex % length); begin < end; begin += length) {
      const next = this.#at(begin + length);
      if (isUp) {
        // Runs begin at multiples of their length, whatever the blocks, so that every sample comes out the same.
        const expected = (shiftHz * length) / this.#rateHz;
        const turned = next.turns - turns;
        // Neighbouring spans count their turns from different numbers.
        const step = phaseOf((turned - Math.round(turned - expected)) / length);
        const first = Math.max(begin, sampleIndex);
        const last = Math.min(begin + length, end);
        const phase = (phaseOf(turns) + Math.imul(first - begin, step)) | 0;
        each({
          from: 2 * (first - sampleIndex),
          end: 2 * (last - sampleIndex),
          sampleIndex: first,
          phase,
          step,
          shiftHz,
        });
      }
      ({ turns, shiftHz, isUp } = next);
    }
  }

  #at(sampleIndex: number): { readonly turns: number; readonly shiftHz: number; readonly isUp: boolean } {
    const seconds = this.#anchorS + (sampleIndex - this.#anchorIndex) / this.#rateHz;
    const spans = Math.floor(seconds / SPAN_S);
    const span = this.#spanOf(this.#anchorSpan + BigInt(spans));
    const into = seconds - spans * SPAN_S;
    const cell = Math.min(Math.floor(into / CELL_S), CELLS - 1);
    const rest = into - cell * CELL_S;
    const from = span.shiftHz[cell] ?? 0;
    const slope = ((span.shiftHz[cell + 1] ?? 0) - from) / CELL_S;
    return {
      turns: (span.turns[cell] ?? 0) + from * rest + (slope * rest * rest) / 2,
      shiftHz: from + slope * rest,
      isUp: span.isUp[cell] ?? false,
    };
  }

  #spanOf(number: bigint): Span {
    if (this.#span?.number !== number) this.#span = this.#compute(number);
    return this.#span;
  }

  #look(timeMs: number): Pick<LookAngles, 'elevationDeg' | 'rangeKm' | 'rangeRateKmS'> {
    try {
      return lookAngles(this.#orbit, this.#site, timeMs);
    } catch (error) {
      if (error instanceof PassbandError) return GONE;
      throw error;
    }
  }

  #compute(number: bigint): Span {
    const shiftHz = new Float64Array(CELLS + 1);
    const turns = new Float64Array(CELLS + 1);
    const isUp: boolean[] = [];
    const startMs = Number(number) * SPAN_MS;
    const kmPerTurn = LIGHT_SPEED_KM_S / this.#carrierHz;
    let end = 0;
    for (let i = 0; i <= CELLS; i++) {
      const { elevationDeg, rangeKm, rangeRateKmS } = this.#look(startMs + i * CELL_MS);
      shiftHz[i] = dopplerHz(rangeRateKmS, this.#carrierHz);
      isUp.push(elevationDeg >= 0);
      const byRange = -rangeKm / kmPerTurn;
      if (i === 0) turns[0] = byRange % 1;
      else turns[i] = (turns[i - 1] ?? 0) + (((shiftHz[i - 1] ?? 0) + (shiftHz[i] ?? 0)) / 2) * CELL_S;
      end = byRange;
    }
    // What the sum of trapezoids misses the phase at the end by, spread over the span; whole turns do not matter.
    const missed = end - (turns[CELLS] ?? 0);
    const missing = missed - Math.round(missed);
    for (let i = 1; i <= CELLS; i++) turns[i] = (turns[i] ?? 0) + (missing * i) / CELLS;
    for (let i = 0; i <= CELLS; i++) shiftHz[i] = (shiftHz[i] ?? 0) + missing / SPAN_S;
    return { number, shiftHz, turns, isUp };
  }
}

/** What is not heard: a satellite that has decayed, or whose elements do not reach that far. */
const GONE = { elevationDeg: -90, rangeKm: 0, rangeRateKmS: 0 };

/** Samples of a run: a power of two, so that runs of neighbouring rates begin alike. */
function runLength(rateHz: number): number {
  return Math.max(1, Math.min(MAX_RUN_SAMPLES, 2 ** Math.floor(Math.log2(rateHz * RUN_S))));
}

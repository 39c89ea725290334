import { lowPassTaps, tapCount } from './low-pass.ts';

/**
 * Half of the passband as a fraction of the output rate: 80 % of the output's band are flat within 0.1 dB and free of
 * aliases.
 */
export const PASSBAND_EDGE = 0.4;

/**
 * From here on, as a fraction of the output rate, everything is 80 dB down. What lies between this and half of the rate
 * folds back to above PASSBAND_EDGE and nowhere else.
 */
export const STOPBAND_EDGE = 1 - PASSBAND_EDGE;

/** One filter with the decimation behind it. */
export interface DecimationStage {
  readonly decimation: number;
  /** Odd in number, symmetrical. */
  readonly taps: Float64Array;
}

/** Cutoff and transition of a stage, as fractions of its input rate. */
interface StageShape {
  readonly cutoff: number;
  readonly transition: number;
}

/**
 * A stage must leave the band up to STOPBAND_EDGE of the final output as it is, and keep out what would fold into it. Its
 * cutoff is half of its own output rate, so that of a halving every other tap is zero.
 *
 * @param remaining decimation from this stage's input to the final output.
 */
function shapeOf(decimation: number, remaining: number): StageShape {
  const isLast = decimation === remaining;
  const passEdge = (isLast ? PASSBAND_EDGE : STOPBAND_EDGE) / remaining;
  const stopEdge = 1 / decimation - (isLast ? PASSBAND_EDGE : STOPBAND_EDGE) / remaining;
  return { cutoff: 0.5 / decimation, transition: stopEdge - passEdge };
}

/** Multiplications a stage costs for each of its input samples. */
function stageCost(decimation: number, remaining: number): number {
  const count = tapCount(shapeOf(decimation, remaining).transition);
  const worked = decimation === 2 ? (count + 1) / 2 : count;
  return (2 * worked) / decimation;
}

/** Multiplications that mixing one input sample down costs. */
const MIXER_COST = 8;

interface Cheapest {
  /** Multiplications per input sample. */
  readonly cost: number;
  readonly factors: readonly number[];
}

/** The cheapest way to decimate, over all ways to write it as a product of whole numbers. */
function cheapest(remaining: number, known: Map<number, Cheapest>): Cheapest {
  if (remaining === 1) return { cost: 0, factors: [] };
  const before = known.get(remaining);
  if (before !== undefined) return before;
  let best: Cheapest = { cost: stageCost(remaining, remaining), factors: [remaining] };
  for (let first = 2; first <= remaining / 2; first++) {
    if (remaining % first !== 0) continue;
    const rest = cheapest(remaining / first, known);
    const cost = stageCost(first, remaining) + rest.cost / first;
    if (cost < best.cost) best = { cost, factors: [first, ...rest.factors] };
  }
  known.set(remaining, best);
  return best;
}

/** What a whole-numbered decimation needs. */
export interface DecimationNeeds {
  /** Real multiplications for each input sample, the mixer's included. */
  readonly cost: number;
  /** Input samples on either side of the one that an output sample stands for that go into it. */
  readonly reach: number;
}

/** How a whole-numbered decimation is done. */
export interface DecimationPlan extends DecimationNeeds {
  readonly decimation: number;
  readonly stages: readonly DecimationStage[];
}

/** What {@link planDecimation} would plan needs, without the work of designing its filters. */
export function decimationNeeds(decimation: number): DecimationNeeds {
  return needsOf(decimation, cheapest(decimation, new Map()));
}

/**
 * The cheapest cascade of linear-phase filters for a decimation: passband to PASSBAND_EDGE within 0.1 dB, 80 dB from
 * STOPBAND_EDGE on. Its design is a millisecond of work, or tens of them for great primes.
 *
 * @param decimation a whole number of at least 2.
 */
export function planDecimation(decimation: number): DecimationPlan {
  const way = cheapest(decimation, new Map());
  const stages = shapesOf(decimation, way).map(({ factor, cutoff, transition }) => {
    return { decimation: factor, taps: lowPassTaps(cutoff, transition) };
  });
  return { decimation, stages, ...needsOf(decimation, way) };
}

function needsOf(decimation: number, way: Cheapest): DecimationNeeds {
  let spacing = 1;
  let reach = 0;
  for (const { factor, transition } of shapesOf(decimation, way)) {
    reach += ((tapCount(transition) - 1) / 2) * spacing;
    spacing *= factor;
  }
  return { cost: way.cost + MIXER_COST, reach };
}

/** The stages of a cascade, in order. */
function shapesOf(decimation: number, { factors }: Cheapest): readonly (StageShape & { readonly factor: number })[] {
  let remaining = decimation;
  return factors.map((factor) => {
    const shape = shapeOf(factor, remaining);
    remaining /= factor;
    return { factor, ...shape };
  });
}

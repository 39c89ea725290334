import { axisPlaces, compassDeg, type MountLimits, turnDeg } from './axis-azimuth.ts';
import type { TimedLook } from './passes.ts';

/** Share of the axis's greatest speed that a plan makes use of: what is left takes up wind and late commands. */
const SPEED_SHARE = 0.95;

/** How the azimuth axis is to move during a pass, decided before it begins. */
export interface AzimuthPlan {
  readonly fromMs: number;
  readonly toMs: number;
  /**
   * Place of the axis at a time of the pass, given the satellite's azimuth then; before the pass, given that of its rising.
   */
  axisDegAt(timeMs: number, azimuthDeg: number): number;
  /** True while the axis cannot follow the satellite: near the zenith, or where the cable forces a way round. */
  isBehindAt(timeMs: number): boolean;
}

/**
 * Plans the axis for a pass, from looks at equal distances in time.
 *
 * - Cable: of the places to begin at, one from which the whole pass stays inside the limits, else the one that gets
 *   furthest; among equals the nearest to where the axis is.
 * - Keyhole: near the zenith the azimuth runs faster than the axis can. The plan starts ahead of the satellite and arrives
 *   behind it: among the motions within the axis's speed the one with the least greatest error, which is halfway between
 *   the lowest one above the azimuth's course and the highest one below it.
 *
 * @param rateDegS greatest speed of the axis; undefined means one that follows everything.
 * @throws RangeError without a look.
 */
export function planAzimuth(
  looks: readonly TimedLook[],
  axisDeg: number,
  limits: MountLimits,
  rateDegS: number | undefined,
): AzimuthPlan {
  const [first] = looks;
  const last = looks.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('a plan needs a look');
  const stepMs = looks.length === 1 ? 1 : (last.timeMs - first.timeMs) / (looks.length - 1);
  const course = inLimits(unwound(looks), axisDeg, limits);
  const plan = rateDegS === undefined ? course : followed(course, (rateDegS * SPEED_SHARE * stepMs) / 1000);
  const at = (values: Float64Array, timeMs: number): number => {
    const place = Math.min(Math.max((timeMs - first.timeMs) / stepMs, 0), values.length - 1);
    const i = Math.floor(place);
    const value = values[i] ?? 0;
    return value + (place - i) * ((values[i + 1] ?? value) - value);
  };
  return {
    fromMs: first.timeMs,
    toMs: last.timeMs,
    axisDegAt: (timeMs, azimuthDeg) => {
      // Between the looks the azimuth itself is exact; only how far the axis is ahead or behind comes from the plan.
      const near = at(course, timeMs);
      const place = near + turnDeg(near, azimuthDeg) + at(plan, timeMs) - near;
      return Math.min(Math.max(place, limits.minAzimuthDeg), limits.maxAzimuthDeg);
    },
    isBehindAt: (timeMs) => Math.abs(at(plan, timeMs) - at(course, timeMs)) > BEHIND_DEG,
  };
}

/** Degrees that the plan leaves the satellite by where the axis counts as behind. */
const BEHIND_DEG = 0.1;

/** The azimuths without their jumps at north. */
function unwound(looks: readonly TimedLook[]): Float64Array {
  const course = new Float64Array(looks.length);
  let at = looks[0]?.azimuthDeg ?? 0;
  looks.forEach(({ azimuthDeg }, i) => {
    at += turnDeg(at, azimuthDeg);
    course[i] = at;
  });
  return course;
}

/** The course moved by whole turns into the limits; where it leaves them, it goes on a turn further back. */
function inLimits(course: Float64Array, axisDeg: number, limits: MountLimits): Float64Array {
  const start = course[0] ?? 0;
  const places = axisPlaces(start, limits);
  // A mount that does not reach the first direction waits where it comes nearest.
  if (places.length === 0) places.push(limits.minAzimuthDeg + compassDeg(start - limits.minAzimuthDeg));
  const candidates = places
    .map((place) => wound(course, place - start, limits))
    .sort((a, b) => a.turns - b.turns || Math.abs(a.begin - axisDeg) - Math.abs(b.begin - axisDeg));
  const [best] = candidates;
  return best?.course ?? course;
}

interface Wound {
  readonly course: Float64Array;
  readonly begin: number;
  /** Times that it goes the whole way round because of the limits. */
  readonly turns: number;
}

function wound(course: Float64Array, shiftDeg: number, { minAzimuthDeg, maxAzimuthDeg }: MountLimits): Wound {
  let shift = shiftDeg;
  let turns = 0;
  const result = course.map((value) => {
    const before = shift;
    while (value + shift > maxAzimuthDeg && value + shift - 360 >= minAzimuthDeg) shift -= 360;
    while (value + shift < minAzimuthDeg && value + shift + 360 <= maxAzimuthDeg) shift += 360;
    if (shift !== before) turns++;
    // Where a mount looks into a part of the circle alone, its end is as near as it gets.
    return Math.min(Math.max(value + shift, minAzimuthDeg), maxAzimuthDeg);
  });
  return { course: result, begin: result[0] ?? 0, turns };
}

/** The motion of at most `reach` a step that stays nearest to a course. */
function followed(course: Float64Array, reach: number): Float64Array {
  const above = Float64Array.from(course);
  const below = Float64Array.from(course);
  const pull = (i: number, neighbour: number): void => {
    above[i] = Math.max(above[i] ?? 0, (above[neighbour] ?? 0) - reach);
    below[i] = Math.min(below[i] ?? 0, (below[neighbour] ?? 0) + reach);
  };
  for (let i = 1; i < course.length; i++) pull(i, i - 1);
  for (let i = course.length - 2; i >= 0; i--) pull(i, i + 1);
  return above.map((value, i) => (value + (below[i] ?? 0)) / 2);
}

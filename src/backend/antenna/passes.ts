import { setImmediate as breathe } from 'node:timers/promises';
import type { Site } from '../stations/site.ts';
import { type LookAngles, lookAngles, type Orbit } from './orbit.ts';

/** Radians that a satellite goes around the Earth from one look to the next: a pass at 45 degrees is looked at 20 times. */
const STEP_RAD = 0.05;
/** Milliseconds between two looks: not endless near a perigee, and a day's turn of the Earth seen at an apogee. */
const MIN_STEP_MS = 5_000;
const LONGEST_STEP_MS = 600_000;
/** Milliseconds of work at a stretch before others get their turn. */
const STRETCH_MS = 4;
/** Milliseconds to which a rising, a setting or a culmination is found. */
const PRECISION_MS = 0.01;

/** Which passes are looked for. The work grows with the length: a low orbit costs some 0.5 ms of processor an hour. */
export interface PassSearch {
  readonly orbit: Orbit;
  readonly site: Site;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Elevation from which on a satellite counts as visible. */
  readonly minElevationDeg: number;
}

/** Where a satellite is at a time, milliseconds since 1970-01-01T00:00:00Z. */
export interface TimedLook extends LookAngles {
  readonly timeMs: number;
}

/** The time for which a satellite is visible without a break. */
export interface Pass {
  /** Rising, or the begin of the search. */
  readonly aos: TimedLook;
  /** Closest approach: the least range between aos and los. */
  readonly tca: TimedLook;
  /** Setting, or the end of the search. */
  readonly los: TimedLook;
  readonly maxElevationDeg: number;
  readonly risenBefore: boolean;
  readonly setsAfter: boolean;
}

/** Collects what one pass needs while the search goes on. */
interface OpenPass {
  readonly aos: TimedLook;
  readonly risenBefore: boolean;
  closest: TimedLook;
  maxElevationDeg: number;
}

/**
 * Passes in order of time, `limit` of them at most. It lets others run in between.
 *
 * @throws PassbandError INVALID_ARGUMENT where the orbit cannot be followed, such as after its decay.
 */
export async function findPasses(search: PassSearch, limit = Number.POSITIVE_INFINITY): Promise<Pass[]> {
  const { orbit, site, fromMs, toMs, minElevationDeg } = search;
  const look = (timeMs: number): TimedLook => ({ timeMs, ...lookAngles(orbit, site, timeMs) });
  const isVisible = ({ elevationDeg }: LookAngles): boolean => elevationDeg >= minElevationDeg;
  const passes: Pass[] = [];
  let before = look(fromMs);
  let open = isVisible(before) ? opened(before, true) : undefined;

  /** From `before` to `after`, between which the elevation only rises or only falls. */
  const goOn = (after: TimedLook): void => {
    if (isVisible(before) !== isVisible(after)) {
      const [low, high] = isVisible(after) ? [before, after] : [after, before];
      const edge = look(bisect(low.timeMs, high.timeMs, (timeMs) => isVisible(lookAngles(orbit, site, timeMs))));
      if (open === undefined) open = opened(edge, false);
      else {
        passes.push(closed(see(open, edge), edge, false));
        open = undefined;
      }
    }
    if (open !== undefined) see(open, after);
    before = after;
  };

  let breathedMs = performance.now();
  while (before.timeMs < toMs && passes.length < limit) {
    if (performance.now() - breathedMs > STRETCH_MS) {
      await breathe();
      breathedMs = performance.now();
    }
    const start = before;
    const end = look(Math.min(start.timeMs + stepMs(orbit, start.timeMs), toMs));
    const turns = [
      // The highest or lowest point, and the nearest.
      start.elevationRateDegS > 0 !== end.elevationRateDegS > 0 &&
        bisect(start.timeMs, end.timeMs, (timeMs) => sameSign(look(timeMs), end, 'elevationRateDegS')),
      start.rangeRateKmS < 0 &&
        end.rangeRateKmS >= 0 &&
        bisect(start.timeMs, end.timeMs, (timeMs) => sameSign(look(timeMs), end, 'rangeRateKmS')),
    ].filter((timeMs) => timeMs !== false);
    for (const timeMs of turns.sort((a, b) => a - b)) goOn(look(timeMs));
    goOn(end);
  }
  if (open !== undefined && passes.length < limit) passes.push(closed(open, before, true));
  return passes;
}

const sameSign = (a: LookAngles, b: LookAngles, rate: 'elevationRateDegS' | 'rangeRateKmS'): boolean =>
  a[rate] > 0 === b[rate] > 0;

const opened = (aos: TimedLook, risenBefore: boolean): OpenPass => ({
  aos,
  risenBefore,
  closest: aos,
  maxElevationDeg: aos.elevationDeg,
});

function see(open: OpenPass, look: TimedLook): OpenPass {
  if (look.rangeKm < open.closest.rangeKm) open.closest = look;
  open.maxElevationDeg = Math.max(open.maxElevationDeg, look.elevationDeg);
  return open;
}

function closed({ aos, closest, risenBefore, maxElevationDeg }: OpenPass, los: TimedLook, setsAfter: boolean): Pass {
  return { aos, tca: closest, los, maxElevationDeg, risenBefore, setsAfter };
}

/** Time of STEP_RAD on the way around the Earth, from the distance to its centre and the speed. */
function stepMs(orbit: Orbit, timeMs: number): number {
  const { positionKm: r, velocityKmS: v } = orbit.at(timeMs);
  const step = (STEP_RAD * 1000 * Math.hypot(r.x, r.y, r.z)) / Math.hypot(v.x, v.y, v.z);
  return Math.min(Math.max(step, MIN_STEP_MS), LONGEST_STEP_MS);
}

/** The time from which on `isAfter` holds, between one where it does not and one where it does (the later or the earlier). */
function bisect(notYetMs: number, alreadyMs: number, isAfter: (timeMs: number) => boolean): number {
  let [not, already] = [notYetMs, alreadyMs];
  while (Math.abs(already - not) > PRECISION_MS) {
    const middle = (not + already) / 2;
    if (isAfter(middle)) already = middle;
    else not = middle;
  }
  return already;
}

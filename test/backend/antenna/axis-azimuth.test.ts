import { describe, expect, it } from '@jest/globals';
import {
  angleBetween,
  axisPlaces,
  compassDeg,
  type MountLimits,
  nearestPlace,
  turnDeg,
} from '../../../src/backend/antenna/axis-azimuth.ts';
import { planAzimuth } from '../../../src/backend/antenna/azimuth-plan.ts';
import type { TimedLook } from '../../../src/backend/antenna/passes.ts';

const reaching = (minAzimuthDeg: number, maxAzimuthDeg: number): MountLimits => ({
  minAzimuthDeg,
  maxAzimuthDeg,
  minElevationDeg: 0,
  maxElevationDeg: 90,
});
const USUAL = reaching(-270, 270);

describe('directions', () => {
  it.each([
    [0, 0],
    [360, 0],
    [-10, 350],
    [730, 10],
    [-1e-20, 0],
    [-0, 0],
  ])('%d is %d on the compass', (azimuth, expected) => {
    expect(compassDeg(azimuth)).toBe(expected);
  });

  it.each([
    [350, 10, 20],
    [10, 350, -20],
    [0, 180, 180],
    [90, 271, -179],
  ])('from %d to %d is a turn of %d', (from, to, turn) => {
    expect(turnDeg(from, to)).toBe(turn);
  });

  it.each([
    [0, 0, 0, 90, 90],
    [10, 90, 200, 90, 0],
    [359, 0, 1, 0, 2],
    [0, 30, 180, 30, 120],
    [0, 45, 1e-7, 45, Math.SQRT1_2 * 1e-7],
  ])('%d/%d and %d/%d are %d apart', (azimuth, elevation, azimuth2, elevation2, apart) => {
    const a = { azimuthDeg: azimuth, elevationDeg: elevation };
    expect(angleBetween(a, { azimuthDeg: azimuth2, elevationDeg: elevation2 })).toBeCloseTo(apart, 11);
  });
});

describe('the azimuth axis', () => {
  it.each<[number, MountLimits, number[]]>([
    [100, USUAL, [-260, 100]],
    [300, USUAL, [-60]],
    [90, USUAL, [-270, 90]],
    [270, USUAL, [-90, 270]],
    [80, reaching(90, 270), []],
    [10, reaching(-180, 450), [10, 370]],
  ])('looks to %d within %j from %j', (azimuth, limits, places) => {
    expect(axisPlaces(azimuth, limits)).toEqual(places);
  });

  it.each([
    [350, 0, -10],
    [350, 260, -10],
    [100, -200, -260],
    [100, 0, 100],
    [180, -1, -180],
  ])('goes to %d from %d by way of %d', (azimuth, from, place) => {
    expect(nearestPlace(azimuth, from, USUAL)).toBe(place);
  });

  it('does not go where it does not reach', () => {
    expect(nearestPlace(80, 100, reaching(90, 270))).toBeUndefined();
  });
});

/** Looks every second at azimuths that a satellite has. */
const looksAt = (azimuths: readonly number[]): TimedLook[] =>
  azimuths.map((azimuthDeg, i) => ({
    timeMs: i * 1000,
    azimuthDeg: compassDeg(azimuthDeg),
    elevationDeg: 45,
    rangeKm: 1000,
    rangeRateKmS: 0,
    elevationRateDegS: 0,
  }));
const ramp = (from: number, to: number, seconds: number): number[] =>
  Array.from({ length: seconds + 1 }, (_, i) => from + ((to - from) * i) / seconds);

/** Where a plan has the axis at each look. */
function axisOf(azimuths: readonly number[], axisDeg: number, limits: MountLimits, rateDegS?: number): number[] {
  const looks = looksAt(azimuths);
  const plan = planAzimuth(looks, axisDeg, limits, rateDegS);
  return looks.map(({ timeMs, azimuthDeg }) => plan.axisDegAt(timeMs, azimuthDeg));
}

describe('a plan for a pass', () => {
  it('goes through north without turning back', () => {
    expect(axisOf(ramp(300, 420, 6), 0, USUAL)).toEqual(ramp(-60, 60, 6));
  });

  it('begins on the side from which the cable lasts for the whole pass', () => {
    // From where it is, 200 is nearer at 200, but the pass would end at 330.
    const axis = axisOf(ramp(200, 330, 13), 180, USUAL);
    expect(axis).toEqual(ramp(-160, -30, 13));
  });

  it('begins on the nearer side where the cable lasts from both', () => {
    expect(axisOf(ramp(100, 120, 2), -200, USUAL)).toEqual(ramp(-260, -240, 2));
    expect(axisOf(ramp(100, 120, 2), 0, USUAL)).toEqual(ramp(100, 120, 2));
  });

  it('goes once the whole way round where no side lasts, and stays in the limits', () => {
    const axis = axisOf(ramp(350, 370, 20), 0, reaching(0, 360));
    expect(axis[0]).toBe(350);
    expect(axis.at(-1)).toBeCloseTo(10, 9);
    for (const place of axis) {
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(360);
    }
  });

  it('waits at the end of a mount that looks into a part of the circle alone', () => {
    const axis = axisOf(ramp(60, 120, 6), 200, reaching(90, 270));
    expect(axis.slice(-3)).toEqual([100, 110, 120]);
    for (const place of axis) expect(place).toBeGreaterThanOrEqual(90);
  });

  const OVERHEAD = [...ramp(90, 95, 20), ...ramp(100, 260, 4), ...ramp(265, 270, 20)];

  it('starts ahead of a satellite near the zenith and arrives behind it, at no more than its speed', () => {
    const axis = axisOf(OVERHEAD, 0, USUAL, 10);
    const steps = axis.slice(1).map((place, i) => place - (axis[i] ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(9.5 + 1e-9);
    const errors = axis.map((place, i) => place - (OVERHEAD[i] ?? 0));
    // As far ahead as behind: no motion of that speed does better.
    expect(Math.max(...errors)).toBeCloseTo(-Math.min(...errors), 6);
    expect(Math.max(...errors)).toBeLessThan(75);
    expect(axis[0]).toBeCloseTo(90, 6);
    expect(axis.at(-1)).toBeCloseTo(270, 6);
  });

  it('says when the axis cannot keep up, and only then', () => {
    const plan = planAzimuth(looksAt(OVERHEAD), 0, USUAL, 10);
    expect([plan.isBehindAt(0), plan.isBehindAt(22_500), plan.isBehindAt(44_000)]).toEqual([false, true, false]);
    const fast = planAzimuth(looksAt(OVERHEAD), 0, USUAL, 100);
    expect(OVERHEAD.map((_, i) => fast.isBehindAt(i * 1000))).not.toContain(true);
  });

  it('is exact between looks', () => {
    const plan = planAzimuth(looksAt([10, 20, 40]), 0, USUAL, undefined);
    expect(plan.axisDegAt(1500, 27)).toBeCloseTo(27, 12);
  });
});

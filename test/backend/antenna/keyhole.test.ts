import { describe, expect, it } from '@jest/globals';
import { angleBetween, compassDeg } from '../../../src/backend/antenna/axis-azimuth.ts';
import { Orbit } from '../../../src/backend/antenna/orbit.ts';
import { findPasses, type Pass } from '../../../src/backend/antenna/passes.ts';
import { SimulatedMount } from '../../../src/backend/antenna/simulated-mount.ts';
import { Steering } from '../../../src/backend/antenna/steering.ts';
import { OrbitTarget } from '../../../src/backend/antenna/target.ts';
import { ManualClock } from '../manual-clock.ts';
import { SITE } from './antenna-stations.ts';
import { madeUp } from './element-sets.ts';

const START_MS = Number(ManualClock.START_NS / 1_000_000n);

/** An orbit that goes within two degrees of the zenith soon after the clock begins. */
async function overhead(): Promise<{ readonly orbit: Orbit; readonly pass: Pass }> {
  const orbit = new Orbit(madeUp({ inclinationDeg: 97.4, nodeDeg: 127, anomalyDeg: 0, meanMotion: 15.22 }));
  const search = { orbit, site: SITE, fromMs: START_MS, toMs: START_MS + 3_600_000, minElevationDeg: 0 };
  const [pass] = await findPasses(search, 1);
  if (pass === undefined) throw new Error('it comes');
  return { orbit, pass };
}

describe('a pass through the keyhole', () => {
  it.each([
    ['a mount that is fast enough', 60, 0.3, 0],
    ['a slow mount, ahead before the zenith and behind after it', 4, 25, 10],
  ])('%s', async (_, azimuthRateDegS, worstDeg, keyholeSteps) => {
    const { orbit, pass } = await overhead();
    expect(pass.maxElevationDeg).toBeGreaterThan(88);
    const clock = new ManualClock();
    const mount = new SimulatedMount({ azimuthRateDegS, elevationRateDegS: 10 }, clock);
    const target = new OrbitTarget(orbit, SITE, 437e6, () => 0);
    const steering = new Steering(target, mount, 0);
    // Time to turn from rest before it is looked at.
    clock.advance(Math.floor(pass.tca.timeMs - START_MS) - 180_000);
    const errors: number[] = [];
    const behind: number[] = [];
    for (let ms = clock.nowMs() + START_MS; ms < pass.tca.timeMs + 90_000; ms += 100) {
      const aim = steering.aimAt(ms + 50);
      await steering.settled;
      if (aim !== undefined) await mount.pointTo(aim);
      clock.advance(100);
      const { axisAzimuthDeg, elevationDeg } = mount.lastReading;
      if (ms < pass.tca.timeMs - 90_000) continue;
      errors.push(angleBetween({ azimuthDeg: compassDeg(axisAzimuthDeg), elevationDeg }, target.stateAt(ms + 100)));
      if (steering.isBehindAt(ms)) behind.push(ms);
    }
    expect(Math.max(...errors)).toBeLessThan(worstDeg);
    expect(behind.length).toBeGreaterThanOrEqual(keyholeSteps);
    if (keyholeSteps === 0) expect(behind).toEqual([]);
    else {
      // Near the closest approach alone, and about as long before as after.
      expect(Math.min(...behind)).toBeGreaterThan(pass.tca.timeMs - 60_000);
      expect(Math.max(...behind)).toBeLessThan(pass.tca.timeMs + 60_000);
      const [before, after] = [pass.tca.timeMs - Math.min(...behind), Math.max(...behind) - pass.tca.timeMs];
      expect(Math.min(before, after) / Math.max(before, after)).toBeGreaterThan(0.7);
      // Everywhere else it is on the satellite.
      expect(errors.filter((error) => error > 0.3).length).toBeLessThanOrEqual(behind.length + 20);
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import { SimulatedMount } from '../../../src/backend/antenna/simulated-mount.ts';
import { ManualClock } from '../manual-clock.ts';

describe('the simulated mount', () => {
  it('moves each axis at its own speed and stops where it is told', async () => {
    const clock = new ManualClock();
    const mount = new SimulatedMount({ azimuthRateDegS: 10, elevationRateDegS: 1 }, clock);
    await mount.pointTo({ axisAzimuthDeg: -100, elevationDeg: 20 });
    clock.advance(3000);
    expect(mount.lastReading).toMatchObject({ axisAzimuthDeg: -30, elevationDeg: 3 });
    // Under way, another aim: it goes on from there.
    await mount.pointTo({ axisAzimuthDeg: 0, elevationDeg: 20 });
    clock.advance(1000);
    expect(mount.lastReading).toMatchObject({ axisAzimuthDeg: -20, elevationDeg: 4 });
    await mount.stop();
    clock.advance(10_000);
    expect(await mount.read()).toMatchObject({ axisAzimuthDeg: -20, elevationDeg: 4 });
  });

  it('stays inside its limits', async () => {
    const clock = new ManualClock();
    const mount = new SimulatedMount({ minAzimuthDeg: 100, maxAzimuthDeg: 200, minElevationDeg: 10 }, clock);
    expect(mount.lastReading).toMatchObject({ axisAzimuthDeg: 100, elevationDeg: 10 });
    await mount.pointTo({ axisAzimuthDeg: 500, elevationDeg: 95 });
    clock.advance(100_000);
    expect(mount.lastReading).toMatchObject({ axisAzimuthDeg: 200, elevationDeg: 90 });
  });

  it('draws more current while a motor runs, and weather that depends on time alone', async () => {
    const [clock, other] = [new ManualClock(), new ManualClock()];
    const mount = new SimulatedMount({}, clock);
    const idle = mount.lastReading;
    await mount.pointTo({ axisAzimuthDeg: 90, elevationDeg: 0 });
    clock.advance(1000);
    const moving = mount.lastReading;
    expect(moving.azimuthMotorCurrentA).toBeGreaterThan(5 * idle.azimuthMotorCurrentA);
    expect(moving.elevationMotorCurrentA).toBe(idle.elevationMotorCurrentA);
    other.advance(1000);
    const { windSpeedMS, temperatureC } = new SimulatedMount({}, other).lastReading;
    expect([moving.windSpeedMS, moving.temperatureC]).toEqual([windSpeedMS, temperatureC]);
    for (let hour = 0; hour < 100; hour++) {
      clock.advance(3_600_000);
      const reading = mount.lastReading;
      expect(reading.windSpeedMS).toBeGreaterThanOrEqual(0);
      expect(reading.azimuthMotorCurrentA).toBe(idle.azimuthMotorCurrentA);
    }
  });
});

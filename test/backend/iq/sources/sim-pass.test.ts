import { describe, expect, it } from '@jest/globals';
import { dopplerHz, lookAngles, Orbit } from '../../../../src/backend/antenna/orbit.ts';
import { parseTle } from '../../../../src/backend/antenna/tle.ts';
import { openSim } from '../../../../src/backend/iq/sources/sim-open.ts';
import { UsageError } from '../../../../src/errors.ts';
import { ELEMENTS, SITE } from '../../antenna/antenna-stations.ts';
import { ManualClock } from '../../manual-clock.ts';

const DOWNLINK_HZ = 400e6;
const PASS = { tleLine1: ELEMENTS.tle_line1, tleLine2: ELEMENTS.tle_line2, downlinkFrequencyHz: DOWNLINK_HZ };
const START_MS = Number(ManualClock.START_NS / 1_000_000n);
const orbit = new Orbit(parseTle(PASS.tleLine1, PASS.tleLine2));
const look = (ms: number): ReturnType<typeof lookAngles> => lookAngles(orbit, SITE, ms);

const config = (sampleRateHz: number) => ({
  seed: 1,
  sampleRateHz,
  centerFrequencyHz: DOWNLINK_HZ,
  carriers: [{ offsetHz: 0, powerDbfs: 0 }],
  pass: PASS,
});

/** Samples of a pass from a time on. */
function samples(rateHz: number, fromMs: number, count: number, from = 0): Float32Array {
  const sim = openSim(config(rateHz), { stationId: 'sky', clock: new ManualClock(), site: SITE });
  sim.anchor(0, BigInt(Math.round(fromMs)) * 1_000_000n);
  const out = new Float32Array(2 * count);
  sim.fill(from, new Uint8Array(out.buffer));
  return out;
}

/** When the elevation first passes the horizon upwards, milliseconds. */
function riseMs(): number {
  let ms = START_MS;
  while (!(look(ms).elevationDeg < 0 && look(ms + 1000).elevationDeg >= 0)) ms += 1000;
  return ms;
}

describe('the simulated pass of a satellite', () => {
  it('has the Doppler shift that its range says, to a tenth of a Hz, and a phase that never jumps', () => {
    const rate = 25_000;
    const from = riseMs() + 60_000;
    const seconds = 25;
    const iq = samples(rate, from, rate * seconds);
    // The phase goes on by so little each sample that its turns can be counted.
    let turns = 0;
    const counted = new Float64Array(seconds * rate);
    for (let n = 1; n < seconds * rate; n++) {
      const [a = 0, b = 0, c = 0, d = 0] = iq.subarray(2 * n - 2, 2 * n + 2);
      turns += Math.atan2(d * a - c * b, c * a + d * b) / (2 * Math.PI);
      counted[n] = turns;
    }
    for (let second = 0; second < seconds; second++) {
      const mean = (counted[(second + 1) * rate - 1] ?? 0) - (counted[second * rate] ?? 0);
      const range = (ms: number): number => look(from + ms).rangeKm;
      // Cycles are what the range has become less, in wavelengths; all but one sample time of a second was counted.
      const lessKm = range(second * 1000) - range((second + 1) * 1000 - 1000 / rate);
      expect(Math.abs(mean - (lessKm / 299_792.458) * DOWNLINK_HZ)).toBeLessThan(0.1);
    }
    const total = ((look(from).rangeKm - look(from + seconds * 1000).rangeKm) / 299_792.458) * DOWNLINK_HZ;
    expect(Math.abs(turns - total)).toBeLessThan(0.5);
    // Nowhere does it turn by more than its shift: no jump between the pieces that it is made of.
    const most = (Math.abs(dopplerHz(look(from).rangeRateKmS, DOWNLINK_HZ)) + 2000) / rate;
    for (let n = 1; n < counted.length; n++) {
      const step = Math.abs((counted[n] ?? 0) - (counted[n - 1] ?? 0));
      if (step > most) throw new Error(`the phase jumps by ${step} turns at sample ${n}`);
    }
  });

  it('goes on without a jump where the pieces meet that it is computed in, at 27 GHz too', () => {
    const rate = 4_000_000;
    const pass = { ...PASS, downlinkFrequencyHz: 27e9 };
    const from = riseMs() + 60_000;
    for (const piece of [1, 2, 3]) {
      // Pieces of ten seconds, counted from 1970.
      const border = ((Math.floor(from / 10_000) + piece) * 10_000 - from) * (rate / 1000);
      const sim = openSim({ ...config(rate), pass }, { stationId: 'sky', clock: new ManualClock(), site: SITE });
      sim.anchor(0, BigInt(from) * 1_000_000n);
      const iq = new Float32Array(2 * 4096);
      sim.fill(border - 2048, new Uint8Array(iq.buffer));
      const steps = Array.from({ length: 4095 }, (_, n) => {
        const [a = 0, b = 0, c = 0, d = 0] = iq.subarray(2 * n, 2 * n + 4);
        return Math.atan2(d * a - c * b, c * a + d * b) / (2 * Math.PI);
      });
      // In this millisecond the shift falls by some Hz; a turn made up for within it would show as hundreds.
      expect((Math.max(...steps) - Math.min(...steps)) * rate).toBeLessThan(15);
    }
  });

  it('is the same whatever the blocks, and wherever one begins', () => {
    const from = riseMs() + 5000;
    const rate = 50_000;
    const whole = samples(rate, from, 600_000);
    for (const [begin, count] of [
      [0, 1],
      [17, 4099],
      [299_999, 200_001],
      [599_990, 10],
    ] as const) {
      const part = samples(rate, from, count, begin);
      expect(Buffer.from(part.buffer).equals(Buffer.from(whole.buffer, 8 * begin, 8 * count))).toBe(true);
    }
  });

  it('is heard above the horizon only', () => {
    const rise = riseMs();
    const rate = 25_000;
    const iq = samples(rate, rise - 5000, 7 * rate);
    // One of 25, a millisecond apart.
    const heard = Array.from({ length: 7000 }, (_, ms) => (iq[50 * ms] ?? 0) ** 2 + (iq[50 * ms + 1] ?? 0) ** 2 > 0.5);
    const first = heard.indexOf(true);
    // It rises within the second, and is looked at every 20 ms.
    expect(look(rise - 5000 + first).elevationDeg).toBeGreaterThanOrEqual(0);
    expect(look(rise - 5000 + first - 21).elevationDeg).toBeLessThan(0);
    expect(heard.lastIndexOf(false)).toBe(first - 1);
  });

  it('needs a site, and elements that are right', () => {
    const clock = new ManualClock();
    expect(() => openSim(config(1000), { stationId: 'sky', clock })).toThrow(UsageError);
    expect(() => openSim(config(1000), { stationId: 'sky', clock })).toThrow(/station sky: sim\.pass needs/);
    const wrong = { ...config(1000), pass: { ...PASS, tleLine1: PASS.tleLine1.replace(/.$/, 'x') } };
    expect(() => openSim(wrong, { stationId: 'sky', clock, site: SITE })).toThrow(UsageError);
    expect(() => openSim(wrong, { stationId: 'sky', clock, site: SITE })).toThrow(/station sky: sim\.pass: tle_line1/);
  });
});

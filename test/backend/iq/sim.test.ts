import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { convertSamples, type Datatype } from '../../../src/backend/iq/formats.ts';
import { SimGenerator } from '../../../src/backend/iq/sources/sim.ts';
import type { SimConfig } from '../../../src/backend/iq/sources/sim-scene.ts';
import { parseSim } from '../../../src/backend/iq/sources/sim-settings.ts';
import { WelchEstimator } from '../../../src/backend/spectrum/psd.ts';
import { FieldFault, Fields } from '../../../src/backend/stations/fields.ts';
import { REAL } from '../antenna/element-sets.ts';

const RATE = 1_000_000;
/** A signal of each kind. */
const SCENE = {
  noiseDbfs: -35,
  qpsk: [
    { offsetHz: 0, powerDbfs: -20 },
    { offsetHz: -300_000, powerDbfs: -26, samplesPerSymbol: 20 },
  ],
  carriers: [{ offsetHz: 250_000, powerDbfs: -12 }],
  fm: [{ offsetHz: 100_000, powerDbfs: -20, toneHz: 1234, deviationHz: 5000 }],
  bursts: [{ offsetHz: -100_000, powerDbfs: -15, periodS: 0.01, onS: 0.0033 }],
};
const base = { seed: 42, sampleRateHz: RATE, centerFrequencyHz: 100e6 };

function samples(config: Partial<SimConfig>, count: number, from = 0): Float32Array {
  const out = new Float32Array(2 * count);
  new SimGenerator({ ...base, ...config }).fill(from, new Uint8Array(out.buffer));
  return out;
}

const db = (power: number): number => 10 * Math.log10(power);

/** Spectrum in dBFS a bin, DC at size / 2. */
function spectrum(signal: Float32Array, size = 4096): Float64Array {
  const welch = new WelchEstimator({ fftSize: size, window: 'blackmanharris', scaling: 'tone', sampleRateHz: RATE });
  for (let at = 0; at + 2 * size <= signal.length; at += size) welch.add(signal.subarray(at, at + 2 * size));
  return welch.powers().map(db);
}

const power = (signal: Float32Array): number => signal.reduce((sum, x) => sum + x * x, 0) / (signal.length / 2);

describe('the simulated receiver', () => {
  it.each([
    ['cf32_le', 240_000],
    ['cf32_le', -70_000],
    ['ci16_le', 240_000],
    ['ci16_le', -70_000],
  ] as const)('%s: a carrier at %i Hz peaks there, its mirror image below -60 dB', (datatype: Datatype, offsetHz) => {
    const tone = samples({ carriers: [{ offsetHz, powerDbfs: -6 }] }, 65_536);
    const wire = new Uint8Array(datatype === 'cf32_le' ? tone.byteLength : tone.byteLength / 2);
    convertSamples('cf32_le', datatype, new Uint8Array(tone.buffer), wire);
    const received = new Float32Array(tone.length);
    convertSamples(datatype, 'cf32_le', wire, new Uint8Array(received.buffer));
    const bins = spectrum(received);
    const bin = (hz: number): number => Math.round(2048 + (hz / RATE) * 4096);
    const peak = bins.reduce((best, value, i) => (value > (bins[best] ?? 0) ? i : best), 0);
    expect(peak).toBe(bin(offsetHz));
    expect(bins[peak]).toBeCloseTo(-6, 0);
    const mirror = Math.max(...bins.subarray(bin(-offsetHz) - 2, bin(-offsetHz) + 3));
    expect(mirror).toBeLessThan(-66);
    // Nothing else either: no spurious line anywhere but at the carrier.
    const others = bins.filter((_, i) => Math.abs(i - peak) > 4);
    expect(Math.max(...others)).toBeLessThan(-66);
  });

  it('has the level that is stated', () => {
    expect(db(power(samples({ qpsk: [{ offsetHz: 0, powerDbfs: -20 }] }, 200_000)))).toBeCloseTo(-20, 1);
    expect(db(power(samples({ carriers: [{ offsetHz: 1000, powerDbfs: -3 }] }, 200_000)))).toBeCloseTo(-3, 2);
  });

  it.each([0, 10, 20, 35])('measures the stated SNR of %i dB over the sampled bandwidth', (snrDb) => {
    const qpsk = [{ offsetHz: 0, powerDbfs: -20 }];
    const clean = samples({ qpsk }, 400_000);
    const noisy = samples({ qpsk, noiseDbfs: -20 - snrDb }, 400_000);
    const noise = noisy.map((x, i) => x - (clean[i] ?? 0));
    expect(db(power(clean) / power(noise))).toBeCloseTo(snrDb, 1);
  });

  it('has white Gaussian noise: flat in frequency, not correlated, with normal tails', () => {
    const noise = samples({ noiseDbfs: 0 }, 1_000_000);
    expect(db(power(noise))).toBeCloseTo(0, 1);
    const bins = spectrum(noise, 256);
    // 7,800 segments of a good third of it independent: one bin strays by about 0.1 dB.
    expect(Math.max(...bins) - Math.min(...bins)).toBeLessThan(1);
    let lagged = 0;
    let fourth = 0;
    for (let i = 0; i < noise.length - 2; i++) {
      lagged += (noise[i] ?? 0) * (noise[i + 1] ?? 0);
      fourth += (noise[i] ?? 0) ** 4;
    }
    // Unit power is 0.5 for each of I and Q; the fourth moment of a Gaussian is three times its variance squared.
    expect(Math.abs(lagged / noise.length)).toBeLessThan(0.002);
    expect(fourth / noise.length / 0.25).toBeCloseTo(3, 1);
  });

  it('keeps its QPSK in 1.35 times the symbol rate', () => {
    const bins = spectrum(samples({ qpsk: [{ offsetHz: 0, powerDbfs: 0 }] }, 400_000), 1024);
    const inside = bins.filter((_, i) => Math.abs(i - 512) < 0.4 * 128);
    const outside = bins.filter((_, i) => Math.abs(i - 512) > 0.75 * 128);
    expect(Math.min(...inside) - Math.max(...outside)).toBeGreaterThan(25);
  });

  it('is the same for the same seed, on every machine, and another for another', () => {
    const digest = (seed: number, from: number): string =>
      createHash('sha256')
        .update(new Uint8Array(samples({ ...SCENE, seed }, 50_000, from).buffer))
        .digest('hex');
    expect(digest(42, 0)).toBe(digest(42, 0));
    expect(digest(42, 0)).not.toBe(digest(43, 0));
    expect(digest(42, 0)).not.toBe(digest(42, 50_000));
    expect(digest(42, 0)).toBe('032ed5d10f1c8537699a2fd1307efb52dc791955f010bcc3642b9f7a2a95b9a4');
  });

  it('is seamless where the index passes 2^32', () => {
    const from = 2 ** 32 - 1000;
    const whole = samples(SCENE, 3000, from);
    const parts = [samples(SCENE, 999, from), samples(SCENE, 2001, from + 999)];
    expect(whole).toEqual(Float32Array.from(parts.flatMap((part) => [...part])));
  });

  it('does not receive a carrier outside of its band', () => {
    const carriers = [{ offsetHz: 600_000, powerDbfs: 0 }];
    expect(db(power(samples({ carriers, noiseDbfs: -50 }, 10_000)))).toBeCloseTo(-50, 0);
  });

  it('keeps QPSK of an offset and of another symbol rate where it is', () => {
    const bins = spectrum(
      samples({ qpsk: [{ offsetHz: 250_000, powerDbfs: -6, samplesPerSymbol: 20 }] }, 400_000),
      1024,
    );
    // 50 kBd at a quarter of the rate: 51 bins to a symbol rate, around bin 768.
    const inside = bins.filter((_, i) => Math.abs(i - 768) < 0.4 * 51);
    const outside = bins.filter((_, i) => Math.abs(i - 768) > 0.75 * 51);
    expect(Math.min(...inside) - Math.max(...outside)).toBeGreaterThan(25);
    expect(db(power(samples({ qpsk: [{ offsetHz: 250_000, powerDbfs: -6 }] }, 200_000)))).toBeCloseTo(-6, 1);
  });

  it('modulates a carrier with the tone and the deviation that are stated', () => {
    const fm = { offsetHz: -50_000, powerDbfs: -10, toneHz: 500, deviationHz: 20_000 };
    const iq = samples({ fm: [fm] }, 20_000, 777);
    expect(db(power(iq))).toBeCloseTo(-10, 3);
    let worst = 0;
    for (let n = 1; n < 20_000; n++) {
      const [a = 0, b = 0, c = 0, d = 0] = iq.subarray(2 * n - 2, 2 * n + 2);
      const hz = (Math.atan2(d * a - c * b, c * a + d * b) / (2 * Math.PI)) * RATE;
      // The mean over a sample time is the frequency in its middle.
      const due = fm.offsetHz + fm.deviationHz * Math.cos(2 * Math.PI * fm.toneHz * ((777 + n - 0.5) / RATE));
      worst = Math.max(worst, Math.abs(hz - due));
    }
    // Single precision lets a phase of amplitude 0.3 stray by some 1e-7.
    expect(worst).toBeLessThan(0.5);
  });

  it('sends its bursts when they are due and nothing in between', () => {
    const bursts = [{ offsetHz: 10_000, powerDbfs: 0, periodS: 0.002, onS: 0.0005 }];
    const iq = samples({ bursts }, 10_000, 1234);
    for (let n = 0; n < 10_000; n++) {
      const level = Math.hypot(iq[2 * n] ?? 0, iq[2 * n + 1] ?? 0);
      const isOn = (1234 + n) % 2000 < 500;
      if (Math.abs(level - (isOn ? 1 : 0)) > 1e-6) throw new Error(`${level} at sample ${1234 + n}`);
    }
  });

  it('states the ratio of its signal to its noise, where it has both', () => {
    const reception = (config: Partial<SimConfig>): unknown => new SimGenerator({ ...base, ...config }).reception;
    expect(reception(SCENE)).toEqual({ snrDb: 15 });
    expect(reception({ noiseDbfs: -50, carriers: [{ offsetHz: 0, powerDbfs: -30 }] })).toEqual({ snrDb: 20 });
    expect(reception({ noiseDbfs: -50 })).toBeUndefined();
    expect(reception({ carriers: SCENE.carriers })).toBeUndefined();
  });

  it('refuses a scene of nothing and one of too much', () => {
    expect(() => new SimGenerator(base)).toThrow(/needs noise or a signal/);
    const carriers = Array.from({ length: 65 }, (_, i) => ({ offsetHz: i, powerDbfs: -60 }));
    expect(() => new SimGenerator({ ...base, carriers })).toThrow(/64 signals at most, and this 65/);
  });
});

describe('the settings of a scene', () => {
  const parse = (value: object): SimConfig =>
    parseSim(new Fields(value, ['sim']), { sampleRateHz: RATE, centerFrequencyHz: 1e8 }, new Fields({ site: {} }));
  const signal = { offset_hz: 1000, power_dbfs: -10 };

  it('have the names of the proto', () => {
    const [tleLine1, tleLine2] = REAL['ISS, a low orbit'];
    const pass = { tle_line1: tleLine1, tle_line2: tleLine2, downlink_frequency_hz: 137.5e6 };
    const qpsk = [{ ...signal, samples_per_symbol: 4 }];
    const fm = [{ ...signal, tone_hz: 1000, deviation_hz: 5000 }];
    const bursts = [{ ...signal, period_s: 2, on_s: 0.5 }];
    const parsed = { offsetHz: 1000, powerDbfs: -10 };
    expect(parse({ seed: -5, noise_dbfs: -60, carriers: [signal], qpsk, fm, bursts, pass })).toEqual({
      sampleRateHz: RATE,
      centerFrequencyHz: 1e8,
      seed: -5,
      noiseDbfs: -60,
      carriers: [parsed],
      qpsk: [{ ...parsed, samplesPerSymbol: 4 }],
      fm: [{ ...parsed, toneHz: 1000, deviationHz: 5000 }],
      bursts: [{ ...parsed, periodS: 2, onS: 0.5 }],
      pass: { tleLine1, tleLine2, downlinkFrequencyHz: 137.5e6 },
    });
  });

  it.each([
    [{}, 'sim.noise_dbfs', /is missing, and so is any signal/],
    [{ noise_dbfs: Number.NaN }, 'sim.noise_dbfs', /from -300 to 20 dBFS/],
    [{ noise_dbfs: 21 }, 'sim.noise_dbfs', /from -300 to 20 dBFS/],
    [{ noise_dbfs: -9, seed: 2 ** 31 }, 'sim.seed', /32-bit/],
    [{ carriers: [{ offset_hz: 1 }] }, 'sim.carriers[0].power_dbfs', /is missing/],
    [{ carriers: [{ ...signal, offset_hz: 1e9 }] }, 'sim.carriers[0].offset_hz', /from -30720000 to 30720000 Hz/],
    [{ carriers: [{ ...signal, power: 3 }] }, 'sim.carriers[0].power', /is unknown here/],
    [{ qpsk: [{ ...signal, samples_per_symbol: 1 }] }, 'sim.qpsk[0].samples_per_symbol', /from 2 to 64 samples per/],
    [{ fm: [{ ...signal, deviation_hz: 1 }] }, 'sim.fm[0].tone_hz', /is missing/],
    [{ fm: [{ ...signal, tone_hz: 0, deviation_hz: 1 }] }, 'sim.fm[0].tone_hz', /from 0\.01 to 1000000 Hz/],
    [{ bursts: [{ ...signal, period_s: 1, on_s: 2 }] }, 'sim.bursts[0].on_s', /must not be longer than period_s/],
    [{ noise_dbfs: -9, pass: { tle_line1: 'a' } }, 'sim.pass.tle_line2', /is missing/],
    [{ carriers: Array.from({ length: 65 }, () => signal) }, 'sim.carriers', /more than 64 together/],
  ])('%j is refused at %s', (value, place, message) => {
    let fault: unknown;
    try {
      parse(value);
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(FieldFault);
    expect(fault).toMatchObject({ place, message: expect.stringMatching(message) });
  });
});

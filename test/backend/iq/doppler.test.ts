import { expect, it } from '@jest/globals';
import { DopplerMixer } from '../../../src/backend/iq/doppler/doppler-mixer.ts';
import { DopplerTrack } from '../../../src/backend/iq/doppler/doppler-track.ts';
import { convertSamples, type Datatype } from '../../../src/backend/iq/formats.ts';

const RATE = 1_000_000;

/** Samples of a tone of amplitude 0.5 at 100 kHz, in a datatype. */
function tone(datatype: Datatype, bytesPerSample: number, from: number, count: number): Uint8Array {
  const floats = Float32Array.from({ length: 2 * count }, (_, i) => {
    const angle = 2 * Math.PI * 0.1 * (from + (i >> 1));
    return 0.5 * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
  const bytes = new Uint8Array(count * bytesPerSample);
  convertSamples('cf32_le', datatype, new Uint8Array(floats.buffer), bytes);
  return bytes;
}

it.each([
  ['cf32_le', 8, -1],
  ['ci16_le', 4, -3],
] as const)('corrects a Doppler shift of %s with a phase that never jumps', (datatype, size, digits) => {
  const track = new DopplerTrack();
  const mixer = new DopplerMixer(datatype, track);
  const out = new Float32Array(2 * 300_000);
  const fill = (from: number, to: number): void => {
    const { bytes: mixed } = mixer.correct(from, tone(datatype, size, from, to - from));
    convertSamples(datatype, 'cf32_le', mixed, new Uint8Array(out.buffer, from * 8, (to - from) * 8));
  };
  fill(0, 100_000);
  track.set({ shiftHz: 20_000, rateHzPerS: 0 }, 100_000, RATE);
  fill(100_000, 200_000);
  track.set({ shiftHz: 20_000, rateHzPerS: 50_000 }, 200_000, RATE);
  fill(200_000, 300_000);
  const frequency = (index: number): number => {
    const [a = 0, b = 0, c = 0, d = 0] = out.subarray(2 * index, 2 * index + 4);
    return (Math.atan2(a * d - b * c, a * c + b * d) / (2 * Math.PI)) * RATE;
  };
  expect(frequency(50_000)).toBeCloseTo(100_000, digits);
  expect(frequency(150_000)).toBeCloseTo(80_000, digits);
  // At both changes the step from sample to sample is one of the two frequencies: no jump.
  expect(frequency(99_999)).toBeCloseTo(100_000, digits);
  expect(frequency(199_999)).toBeCloseTo(80_000, digits);
  // 50 kHz/s for 0.1 s.
  expect(frequency(299_990)).toBeCloseTo(75_000, digits);
  expect(track.hzAt(99_999)).toBe(0);
  expect(track.hzAt(150_000)).toBe(20_000);
  expect(track.hzAt(300_000)).toBeCloseTo(25_000, 6);
});

it('passes the bytes on untouched while no shift was set', () => {
  const mixer = new DopplerMixer('cu8', new DopplerTrack());
  const bytes = tone('cu8', 2, 0, 100);
  expect(mixer.correct(0, bytes).bytes).toBe(bytes);
});

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

/** What a track makes of samples that are all 1, from an index on: its own phasors, block by block. */
function phasors(track: DopplerTrack, from: number, count: number): Float32Array {
  const mixer = new DopplerMixer('cf32_le', track);
  const out = new Float32Array(2 * count);
  // Blocks that end nowhere near where the phase is worked out anew.
  for (let done = 0; done < count; done += 7001) {
    const samples = Math.min(7001, count - done);
    const ones = Float32Array.from({ length: 2 * samples }, (_, i) => (i + 1) % 2);
    const { bytes } = mixer.correct(from + done, new Uint8Array(ones.buffer));
    out.set(new Float32Array(bytes.buffer, bytes.byteOffset, 2 * samples), 2 * done);
  }
  return out;
}

/** How far those are off the phase of their sample at most. */
function worstError(track: DopplerTrack, from: number, count: number): number {
  const out = phasors(track, from, count);
  let worst = 0;
  for (let i = 0; i < count; i++) {
    const angle = -2 * Math.PI * track.cyclesAt(from + i);
    const [re = 0, im = 0] = out.subarray(2 * i, 2 * i + 2);
    worst = Math.max(worst, Math.abs(re - Math.cos(angle)), Math.abs(im - Math.sin(angle)));
  }
  return worst;
}

it('has the phase of every sample, whatever is set when', () => {
  const rate = 1000;
  const track = new DopplerTrack();
  track.set({ shiftHz: 123.4, rateHzPerS: 0 }, 500, rate);
  track.set({ shiftHz: -77.7, rateHzPerS: 3.21 }, 5_678, rate);
  // The rate is trusted for a minute: the course goes on straight from 65678 on.
  const out = phasors(track, 0, 80_000);
  expect(worstError(track, 0, 80_000)).toBeLessThan(1e-6);
  // By hand: 0.5 s without a shift, 5.178 s of the first, then 60 s of the ramp and 14.321 s of where it ended.
  const cycles = 5.178 * 123.4 + 60 * -77.7 + 0.5 * 3.21 * 60 ** 2 + 14.321 * (-77.7 + 3.21 * 60);
  const angle = -2 * Math.PI * cycles;
  expect(out[2 * 79_999]).toBeCloseTo(Math.cos(angle), 5);
  expect(out[2 * 79_999 + 1]).toBeCloseTo(Math.sin(angle), 5);
});

it.each(['cu8', 'cf32_le'] as const)('leaves %s alone again when the shift is zero again', (datatype) => {
  const size = datatype === 'cu8' ? 2 : 8;
  const track = new DopplerTrack();
  const mixer = new DopplerMixer(datatype, track);
  track.set({ shiftHz: 333.3, rateHzPerS: 0 }, 0, 1000);
  // Between whole turns; the phase takes a second to get there, without a jump.
  track.set({ shiftHz: 0, rateHzPerS: 0 }, 1001, 1000);
  expect([track.hzAt(1000), track.hzAt(1001), track.hzAt(1500)]).toEqual([333.3, 0, 0]);
  const turned = phasors(track, 1000, 1100);
  for (let i = 1; i < 1099; i++) {
    const [a = 0, b = 0, c = 0, d = 0] = turned.subarray(2 * i, 2 * i + 4);
    expect(Math.abs(Math.atan2(a * d - b * c, a * c + b * d))).toBeLessThan((2 * Math.PI * 0.51) / 1000);
  }
  const bytes = tone(datatype, size, 2001, 100);
  expect(mixer.correct(1990, tone(datatype, size, 1990, 10)).bytes).not.toEqual(tone(datatype, size, 1990, 10));
  expect(mixer.correct(2001, bytes).bytes).toBe(bytes);
});

it('settles with the rate that it has, and follows a shift that is set meanwhile', () => {
  const track = new DopplerTrack();
  const mixer = new DopplerMixer('cu8', track);
  track.set({ shiftHz: 100.3, rateHzPerS: 0 }, 0, 1000);
  track.set({ shiftHz: 0, rateHzPerS: 0 }, 1001, 1000);
  track.retime(1500, 2000);
  const bytes = tone('cu8', 2, 0, 100);
  expect(mixer.correct(2100, bytes).bytes).not.toBe(bytes);
  expect(mixer.correct(3500, bytes).bytes).toBe(bytes);
  track.set({ shiftHz: 50.1, rateHzPerS: 0 }, 4001, 2000);
  track.set({ shiftHz: 0, rateHzPerS: 0 }, 5002, 2000);
  track.set({ shiftHz: 70, rateHzPerS: 0 }, 6000, 2000);
  expect(worstError(track, 5000, 3000)).toBeLessThan(1e-6);
  expect([track.hzAt(5500), track.hzAt(6000), track.hzAt(9000)]).toEqual([0, 70, 70]);
  expect(mixer.correct(9000, bytes).bytes).not.toBe(bytes);
});

it.each([
  [9e6, 1e6, 1e7],
  [-9e6, -1e6, -1e7],
  [1e7, 1e6, 1e7],
  [0, 1e4, 600_000],
])('a shift of %p Hz that changes by %p Hz/s is held at %p Hz', (shiftHz, rateHzPerS, held) => {
  const track = new DopplerTrack();
  track.set({ shiftHz, rateHzPerS }, 0, RATE);
  expect(track.hzAt(100 * RATE)).toBe(held);
  expect(track.hzAt(1000 * RATE)).toBe(held);
  expect(track.stretchAt(100 * RATE, 10)).toMatchObject({ shiftHz: held, rateHzPerS: 0, count: 10 });
  // The phase goes on by as many turns as the held shift has in a second.
  expect(track.cyclesAt(101 * RATE) - track.cyclesAt(100 * RATE)).toBeCloseTo(held, 3);
});

it('what was set for a sample that comes later than was thought never begins', () => {
  const track = new DopplerTrack();
  track.set({ shiftHz: 1000, rateHzPerS: 0 }, 100, RATE);
  track.set({ shiftHz: 2000, rateHzPerS: 0 }, 900_000, RATE);
  track.set({ shiftHz: 3000, rateHzPerS: 0 }, 200, RATE);
  expect([99, 100, 199, 200, 1_000_000].map((index) => track.hzAt(index))).toEqual([0, 1000, 1000, 3000, 3000]);
  // The phase goes on from where the first shift has brought it.
  expect(track.cyclesAt(200)).toBeCloseTo(0.1, 9);
});

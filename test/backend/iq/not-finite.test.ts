import { describe, expect, it, test } from '@jest/globals';
import { clearNotFinite, firstNotFinite } from '../../../src/backend/iq/not-finite.ts';

describe('firstNotFinite', () => {
  /** The largest, the smallest, and those around zero. */
  const FINITE = [3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -1e-45, 0, -0, 1, -1];

  it('finds nothing in finite numbers, of whatever size', () => {
    expect(firstNotFinite(Float32Array.from(FINITE))).toBeUndefined();
    expect(firstNotFinite(new Float32Array())).toBeUndefined();
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('finds %p wherever it is', (value) => {
    for (let at = 0; at < FINITE.length; at++) {
      expect(firstNotFinite(Float32Array.from(FINITE.with(at, value)))).toBe(at);
    }
  });

  it('finds every way of writing what is no number', () => {
    for (const bits of [0x7f800001, 0x7fc00000, 0x7fffffff, -1, -0x800000 + 1]) {
      const values = new Float32Array(3);
      new Int32Array(values.buffer)[2] = bits;
      expect(firstNotFinite(values)).toBe(2);
    }
  });
});

test('clearNotFinite leaves what is finite as it is', () => {
  const values = Float32Array.of(1, Number.NaN, -2, Number.POSITIVE_INFINITY, 3e38, Number.NEGATIVE_INFINITY);
  expect(clearNotFinite(values)).toBe(3);
  expect([...values]).toEqual([1, 0, -2, 0, Math.fround(3e38), 0]);
  expect(clearNotFinite(values)).toBe(0);
});

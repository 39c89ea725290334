import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytesPerSample, convertSamples, DATATYPES, type Datatype } from '../../../src/backend/iq/formats.ts';

const floatBytes = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

function converted(from: Datatype, to: Datatype, source: Uint8Array): Uint8Array {
  const target = new Uint8Array((source.length / bytesPerSample(from)) * bytesPerSample(to));
  convertSamples(from, to, source, target);
  return target;
}

const floats = (from: Datatype, bytes: readonly number[]): number[] => [
  ...new Float32Array(converted(from, 'cf32_le', Uint8Array.from(bytes)).buffer),
];

describe('sample formats', () => {
  it('turns every cu8 value into exactly (x - 127.5) / 127.5', () => {
    const all = Uint8Array.from({ length: 256 }, (_, x) => x);
    const expected = Float32Array.from(all, (x) => (x - 127.5) / 127.5);
    expect(new Float32Array(converted('cu8', 'cf32_le', all).buffer)).toEqual(expected);
  });

  it.each([
    ['cf32_le', 'ci16_le', [1, -1], [32767, -32767]],
    ['cf32_le', 'ci16_le', [0.501 / 32767, 0.499 / 32767], [1, 0]],
    ['cf32_le', 'ci16_le', [2, -2], [32767, -32768]],
    ['cf32_le', 'ci16_le', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], [32767, -32768]],
    ['cf32_le', 'ci16_le', [Number.NaN, 0], [0, 0]],
    ['cf32_le', 'ci8', [1, -1], [127, -127]],
    ['cf32_le', 'ci8', [9, -9], [127, -128]],
    ['cf32_le', 'cu8', [1, -1], [255, 0]],
    ['cf32_le', 'cu8', [9, -9], [255, 0]],
    ['cf32_le', 'cu8', [Number.NaN, 0], [128, 128]],
  ] as const)('%s to %s: %j becomes %j', (from, to, given, expected) => {
    const bytes = converted(from, to, floatBytes(given));
    const view = to === 'ci16_le' ? new Int16Array(bytes.buffer) : to === 'ci8' ? new Int8Array(bytes.buffer) : bytes;
    expect([...view]).toEqual(expected);
  });

  it('reads integers by the same scale and little-endian', () => {
    expect(floats('ci16_le', [0xff, 0x7f, 0x01, 0x80])).toEqual([1, -1]);
    expect(floats('ci8', [127, 129])).toEqual([1, -1]);
  });

  it.each(['ci16_le', 'ci8', 'cu8'] as const)('%s survives the way over cf32 unchanged', (datatype) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 64 }), (bytes) => {
        const whole = bytes.subarray(0, bytes.length - (bytes.length % 4));
        // The one value without a mirror image, -32768, comes back too: nothing clips on the way through floats.
        const back = converted('cf32_le', datatype, converted(datatype, 'cf32_le', Uint8Array.from(whole)));
        expect(Buffer.from(back).equals(Buffer.from(whole))).toBe(true);
      }),
    );
  });

  it.each(DATATYPES)('%s to itself copies the bytes', (datatype) => {
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 37);
    expect(converted(datatype, datatype, bytes)).toEqual(bytes);
  });

  it('refuses a target of another length', () => {
    expect(() => convertSamples('cu8', 'cf32_le', new Uint8Array(4), new Uint8Array(8))).toThrow(RangeError);
  });

  it.each<readonly [Datatype, Datatype, readonly number[], number]>([
    ['cf32_le', 'ci16_le', [1, -1, 32767.49 / 32767, -32768.49 / 32767], 0],
    ['cf32_le', 'ci16_le', [32768 / 32767, -32769 / 32767, 0.5, 1e9], 3],
    ['cf32_le', 'ci16_le', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0], 2],
    ['cf32_le', 'ci8', [1, -1, 127.4 / 127, -128.4 / 127], 0],
    ['cf32_le', 'ci8', [127.6 / 127, -128.6 / 127, 0, 0], 2],
    ['cf32_le', 'cu8', [1, -1, 0, Number.NaN], 0],
    ['cf32_le', 'cu8', [1.004, -1.004, 1.003, -1.003], 2],
    ['cf32_le', 'cf32_le', [1e9, -1e9, Number.NaN, 0], 0],
  ])('%s to %s: of %j, %i values are saturated', (from, to, given, saturated) => {
    const source = floatBytes(given);
    const target = new Uint8Array((source.length / bytesPerSample(from)) * bytesPerSample(to));
    expect(convertSamples(from, to, source, target)).toBe(saturated);
  });

  /** Every value of an integer format once (of ci16, every 251st besides the outermost), as samples. */
  const allOf: Readonly<Record<string, Uint8Array>> = {
    cu8: Uint8Array.from({ length: 256 }, (_, i) => i),
    ci8: Uint8Array.from({ length: 256 }, (_, i) => i),
    ci16_le: new Uint8Array(
      Int16Array.of(-32_768, -32_767, 32_766, 32_767, ...Array.from({ length: 260 }, (_, i) => i * 251 - 32_600))
        .buffer,
    ),
  };

  it.each<readonly [Datatype, Datatype, number]>([
    ['cu8', 'ci8', 0],
    ['cu8', 'ci16_le', 0],
    // -128 is beyond -1, the least that the symmetric scales of the others reach.
    ['ci8', 'cu8', 1],
    ['ci8', 'ci16_le', 1],
    ['ci16_le', 'ci8', 0],
    ['ci16_le', 'cu8', 0],
  ])('%s to %s: %i of all values is saturated, and each is the nearest there is', (from, to, saturated) => {
    const source = allOf[from] ?? new Uint8Array();
    const target = new Uint8Array((source.length / bytesPerSample(from)) * bytesPerSample(to));
    expect(convertSamples(from, to, source, target)).toBe(saturated);
    const [given, got] = [converted(from, 'cf32_le', source), converted(to, 'cf32_le', target)].map(
      (bytes) => new Float32Array(bytes.buffer),
    );
    const step = { cu8: 1 / 127.5, ci8: 1 / 127, ci16_le: 1 / 32_767, cf32_le: 0 }[to];
    const off = [...(given ?? [])].map((value, i) => Math.abs(value - (got?.[i] ?? 0)));
    expect(off.filter((error) => error > step / 2 + 1e-6).length).toBe(saturated);
  });

  it.each<readonly [Datatype, Datatype]>([
    ['cu8', 'ci16_le'],
    ['cu8', 'cf32_le'],
    ['ci8', 'cf32_le'],
    ['ci16_le', 'cf32_le'],
  ])('every value of %s comes back from %s as it was', (from, over) => {
    const source = allOf[from] ?? new Uint8Array();
    expect(converted(over, from, converted(from, over, source))).toEqual(source);
  });
});

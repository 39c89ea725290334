import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SampleRing } from '../../../src/backend/iq/ring/ring.ts';
import type { SampleBlock } from '../../../src/backend/iq/sources/source.ts';

/** A block of one-byte samples whose value follows from their index. */
function block(sampleIndex: number, count: number, centerFrequencyHz = 1e6): SampleBlock {
  const bytes = Uint8Array.from({ length: count }, (_, i) => (sampleIndex + i) % 251);
  return { sampleIndex, timestampNs: BigInt(sampleIndex) * 1000n, sampleRateHz: 1e6, centerFrequencyHz, bytes };
}

function read(ring: SampleRing, start: number, count: number): number[] {
  const out = new Uint8Array(count);
  ring.read(start, count, (bytes, offset) => out.set(bytes, offset));
  return [...out];
}

describe('the sample ring', () => {
  it('holds exactly the newest samples, whatever the blocks and gaps', () => {
    const steps = fc.array(
      fc.record({ gap: fc.constantFrom(0, 0, 0, 1, 7, 200), count: fc.integer({ min: 1, max: 150 }) }),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 130 }), (blocks, capacity) => {
        const ring = new SampleRing(capacity, 1);
        const held = new Set<number>();
        let index = 0;
        for (const { gap, count } of blocks) {
          index += gap;
          ring.append(block(index, count));
          for (let i = 0; i < count; i++) held.add(index + i);
          index += count;
        }
        for (const sample of held) if (sample < index - capacity) held.delete(sample);
        const inRuns = ring.runs.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
        expect(inRuns).toEqual([...held]);
        for (const { start, end } of ring.runs) {
          expect(read(ring, start, end - start)).toEqual(
            Array.from({ length: end - start }, (_, i) => (start + i) % 251),
          );
        }
      }),
    );
  });

  it('says of a stretch whether it is held, may come, or never will', () => {
    const ring = new SampleRing(100, 1);
    ring.append(block(0, 50));
    ring.append(block(60, 90));
    const state = (start: number, count: number): string => ring.stretch(start, count).state;
    expect([state(60, 90), state(50, 5), state(49, 5), state(10, 5)]).toEqual(['held', 'lost', 'lost', 'lost']);
    expect([state(140, 11), state(150, 1), state(900, 1)]).toEqual(['coming', 'coming', 'coming']);
  });

  it('begins a new run where the tuning changes, and keeps time in each', () => {
    const ring = new SampleRing(100, 1);
    ring.append(block(0, 10));
    ring.append(block(10, 10));
    ring.append(block(20, 10, 2e6));
    expect(ring.runs.map(({ start, end }) => [start, end])).toEqual([
      [0, 20],
      [20, 30],
    ]);
    expect(ring.runs[0]?.timestampNs(15)).toBe(15_000n);
    expect(ring.stretch(15, 10).state).toBe('lost');
  });

  it('refuses samples that it has already', () => {
    const ring = new SampleRing(100, 1);
    ring.append(block(0, 10));
    expect(() => ring.append(block(9, 5))).toThrow(RangeError);
  });

  it('bounds the number of runs', () => {
    const ring = new SampleRing(1e6, 1);
    for (let i = 0; i < 5000; i++) ring.append(block(i * 2, 1));
    expect(ring.runs.length).toBeLessThanOrEqual(1024);
    expect(ring.runs.at(-1)?.end).toBe(9999);
  });

  it('keeps its newest samples when it takes another size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), (before, after) => {
        const ring = new SampleRing(before, 1);
        ring.append(block(7, 90));
        ring.append(block(130, 80));
        ring.resize(after);
        const held = ring.runs.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
        const made = [...Array.from({ length: 90 }, (_, i) => 7 + i), ...Array.from({ length: 80 }, (_, i) => 130 + i)];
        expect(held).toEqual(made.filter((index) => index >= 210 - Math.min(before, after)));
        for (const { start, end } of ring.runs) {
          expect(read(ring, start, end - start)).toEqual([...block(start, end - start).bytes]);
        }
        // And it goes on.
        ring.append(block(210, 5));
        const { start = 0 } = ring.runs.at(-1) ?? {};
        expect(read(ring, start, 215 - start)).toEqual([...block(start, 215 - start).bytes]);
        expect(ring.head).toBe(215);
      }),
    );
  });

  it('holds its newest samples however often its size changes', () => {
    const steps = fc.array(
      fc.record({ size: fc.integer({ min: 1, max: 300 }), count: fc.integer({ min: 1, max: 90 }) }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (changes) => {
        const ring = new SampleRing(50, 1);
        let oldest = 0;
        for (const { size, count } of changes) {
          oldest = Math.max(oldest, ring.head - Math.min(size, ring.capacitySamples));
          ring.resize(size, 300);
          ring.append(block(ring.head, count));
          oldest = Math.max(oldest, ring.head - size);
          expect(ring.runs.map(({ start, end }) => [start, end])).toEqual([[oldest, ring.head]]);
          expect(read(ring, oldest, ring.head - oldest)).toEqual([...block(oldest, ring.head - oldest).bytes]);
        }
      }),
    );
  });

  it('makes memory a few times at most, whatever sizes it is asked to take', () => {
    const ring = new SampleRing(100, 1);
    const memories = new Set<ArrayBufferLike>();
    const sizes = Array.from({ length: 4000 }, (_, i) => (i < 1900 ? 100 + i : 200 + 1799 * (i % 2)));
    for (const size of sizes) {
      ring.resize(size, 2000);
      ring.append(block(ring.head, 1));
      ring.read(ring.head - 1, 1, ({ buffer }) => memories.add(buffer));
    }
    // Doubled from 100 to 1600, then all that it may ever need.
    expect([...memories].map(({ byteLength }) => byteLength)).toEqual([100, 200, 400, 800, 1600, 2000]);
  });

  it('keeps its size where there is no memory for a larger one', () => {
    const ring = new SampleRing(100, 1);
    ring.append(block(0, 150));
    ring.resize(Number.MAX_SAFE_INTEGER);
    expect(ring.capacitySamples).toBe(100);
    expect(read(ring, 50, 100)).toEqual([...block(50, 100).bytes]);
  });

  it('takes no memory before it has anything to hold', () => {
    const before = process.memoryUsage().arrayBuffers;
    const rings = Array.from({ length: 256 }, () => new SampleRing(64 * 1024 * 1024, 1));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
    expect(rings).toHaveLength(256);
  });

  it('finds the first sample at or after a time', () => {
    const ring = new SampleRing(1000, 1);
    ring.append(block(0, 100));
    ring.append(block(150, 100));
    const at = (timestampNs: number): number | undefined => ring.indexAt(BigInt(timestampNs));
    expect([at(-5), at(0), at(1), at(42_000), at(42_001)]).toEqual([0, 0, 1, 42, 43]);
    expect([at(99_000), at(99_001), at(150_000), at(249_000), at(249_001)]).toEqual([99, 150, 150, 249, undefined]);
  });

  it('follows a clock that is off without another run', () => {
    const ring = new SampleRing(1000, 1);
    ring.append(block(0, 100));
    ring.append({ ...block(100, 100), timestampNs: 50_000_000n });
    expect(ring.runs).toHaveLength(1);
    expect(ring.runs[0]?.timestampNs(99)).toBe(99_000n);
    expect(ring.runs[0]?.timestampNs(100)).toBe(50_000_000n);
    expect([99_000n, 99_001n, 50_000_000n, 50_001_000n].map((time) => ring.indexAt(time))).toEqual([99, 100, 100, 101]);
    // However far it jumps: a run shorter than the longest frame goes on.
    ring.append({ ...block(200, 100), timestampNs: 5_000_000_000n });
    ring.append({ ...block(300, 100), timestampNs: 0n });
    expect(ring.runs).toHaveLength(1);
    expect([299, 300, 399].map((index) => ring.runs[0]?.timestampNs(index))).toEqual([5_000_099_000n, 0n, 99_000n]);
  });

  it('begins a new run where time jumps in a long one', () => {
    const ring = new SampleRing(1e6, 1);
    ring.append(block(0, 262_144));
    ring.append({ ...block(262_144, 100), timestampNs: 5_000_000_000n });
    ring.append({ ...block(262_244, 100), timestampNs: 0n });
    expect(ring.runs.map(({ firstIndex, end, ordinal }) => [firstIndex, end, ordinal])).toEqual([
      [0, 262_144, 0],
      [262_144, 262_344, 1],
    ]);
  });

  it('follows an oscillator that is not exactly at its rate, however long', () => {
    const ring = new SampleRing(100_000, 1);
    // 500 ppm: a second off after 2000 s.
    for (let i = 0; i < 2_000; i++)
      ring.append({ ...block(i * 1000, 1000), timestampNs: BigInt(i) * 1_000_500_000n, sampleRateHz: 1000 });
    expect(ring.runs).toHaveLength(1);
    const [run] = ring.runs;
    const offMs = Number((run?.timestampNs(1_999_000) ?? 0n) - 1999n * 1_000_500_000n) / 1e6;
    expect(Math.abs(offMs)).toBeLessThanOrEqual(1);
    expect(ring.indexAt(1999n * 1_000_500_000n)).toBeGreaterThanOrEqual(1_999_000 - 1);
    expect(ring.indexAt(1999n * 1_000_500_000n)).toBeLessThanOrEqual(1_999_000 + 1);
  });

  it('knows when samples had come', () => {
    let nowMs = 0;
    const ring = new SampleRing(1000, 1, { nowMs: () => nowMs });
    for (const [at, from] of [
      [10, 0],
      [20, 100],
      [30, 200],
    ] as const) {
      nowMs = at;
      ring.append(block(from, 100));
    }
    expect([50, 100, 101, 200, 201, 300].map((end) => ring.arrivedMs(end))).toEqual([10, 10, 20, 20, 30, 30]);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SampleRing } from '../../../src/backend/iq/ring.ts';
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
});

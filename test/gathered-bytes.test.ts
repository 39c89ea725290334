import { afterEach, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { GatheredBytes } from '../src/gathered-bytes.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

it('gives what was added, in its order, and begins anew', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 1000 }), (chunks) => {
      const bytes = new GatheredBytes();
      for (let round = 0; round < 2; round++) {
        for (const chunk of chunks) bytes.add(Buffer.from(chunk));
        expect(bytes.length).toBe(chunks.reduce((sum, { length }) => sum + length, 0));
        expect(bytes.take().equals(Buffer.concat(chunks))).toBe(true);
        expect(bytes.length).toBe(0);
      }
    }),
  );
});

it('holds few objects for many tiny chunks, and copies no byte more than twice', () => {
  const concat = jest.spyOn(Buffer, 'concat');
  const bytes = new GatheredBytes();
  const chunks = 100_000;
  for (let at = 0; at < chunks; at++) {
    const chunk = Buffer.alloc(4);
    chunk.writeUInt32LE(at);
    bytes.add(chunk);
  }
  const whole = bytes.take();
  expect(Array.from({ length: chunks }, (_, at) => whole.readUInt32LE(4 * at) === at)).not.toContain(false);
  const joined = concat.mock.calls.map(([parts]) => parts);
  expect(Math.max(...joined.map((parts) => parts.length))).toBeLessThan(1000);
  const copied = joined.flat().reduce((sum, { length }) => sum + length, 0);
  expect(copied).toBeLessThanOrEqual(2 * whole.length);
});

it('hands a single chunk on as it is', () => {
  const bytes = new GatheredBytes();
  const chunk = Buffer.from('whole');
  bytes.add(chunk);
  expect(bytes.take()).toBe(chunk);
});

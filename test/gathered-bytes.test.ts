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
  for (let at = 0; at < chunks; at++) bytes.add(Buffer.alloc(1, at));
  expect(bytes.take().every((byte, at) => byte === at % 256)).toBe(true);
  const joined = concat.mock.calls.map(([parts]) => parts);
  expect(Math.max(...joined.map((parts) => parts.length))).toBeLessThan(1000);
  const copied = joined.flat().reduce((sum, { length }) => sum + length, 0);
  expect(copied).toBeLessThanOrEqual(2 * chunks);
});

it('hands a single chunk on as it is', () => {
  const bytes = new GatheredBytes();
  const chunk = Buffer.from('whole');
  bytes.add(chunk);
  expect(bytes.take()).toBe(chunk);
});

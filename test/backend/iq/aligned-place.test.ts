import { expect, test } from '@jest/globals';
import { AlignedPlace } from '../../../src/backend/iq/aligned-place.ts';
import type { Datatype } from '../../../src/backend/iq/formats.ts';

const CASES: readonly [datatype: Datatype, multiple: number][] = [
  ['cf32_le', 4],
  ['ci16_le', 2],
  ['ci8', 1],
  ['cu8', 1],
];

test.each(CASES)(
  'samples of %s are copied to a multiple of %i, and only where they begin elsewhere',
  (datatype, multiple) => {
    const place = new AlignedPlace(datatype);
    for (const length of [8, 24, 16, 800]) {
      for (let from = 0; from < 9; from++) {
        const source = Uint8Array.from({ length: length + from }, (_, i) => i).subarray(from);
        const laid = place.lay(source);
        expect(laid.byteOffset % multiple).toBe(0);
        expect(Buffer.from(laid)).toEqual(Buffer.from(source));
        expect(laid.buffer === source.buffer).toBe(from % multiple === 0);
      }
    }
  },
);

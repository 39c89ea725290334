import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LatestUsed } from '../src/latest-used.ts';

it('remembers what was used last, and no more than its bound', () => {
  const use = fc.record({ key: fc.nat(5), value: fc.option(fc.nat(), { nil: undefined }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(use, { maxLength: 40 }), (max, uses) => {
      const memory = new LatestUsed<number, number>(max);
      // The latest used stands last.
      let model: readonly (readonly [key: number, value: number])[] = [];
      for (const { key, value } of uses) {
        const known = model.find(([other]) => other === key)?.[1];
        if (value === undefined) expect(memory.get(key)).toBe(known);
        else memory.set(key, value);
        const now = value ?? known;
        if (now !== undefined) model = [...model.filter(([other]) => other !== key), [key, now] as const].slice(-max);
      }
      const left = new Map(model);
      expect([0, 1, 2, 3, 4, 5].map((key) => memory.get(key))).toEqual([0, 1, 2, 3, 4, 5].map((key) => left.get(key)));
    }),
  );
});

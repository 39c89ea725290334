import fc from 'fast-check';
import type { FuzzTarget } from '../target.ts';
import { orRefusal } from '../target.ts';

/** Throws what is no refusal as soon as a text holds an "x" that is not the first character. */
export const crashes: FuzzTarget<string> = {
  inputs: fc.string({ unit: fc.constantFrom('a', 'x'), maxLength: 20 }),
  check: (text) => {
    orRefusal(() => {
      if (text.indexOf('x', 1) !== -1) throw new TypeError('x');
    });
  },
};

/** Never comes back from a text of two characters. */
export const hangs: FuzzTarget<string> = {
  inputs: fc.string({ minLength: 1, maxLength: 3 }),
  check: (text) => {
    while (text.length === 2);
  },
};

/** Needs more time than any input may, on every input; each ends all the same. */
export const crawls: FuzzTarget<string> = {
  inputs: fc.constant('slow'),
  check: () => {
    const start = process.cpuUsage().user;
    while (process.cpuUsage().user - start < 1_500_000);
  },
};

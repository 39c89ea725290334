import { describe, expect, it } from '@jest/globals';
import { Orbit } from '../../../src/backend/antenna/orbit.ts';
import { parseTle } from '../../../src/backend/antenna/tle.ts';
import { REAL, withChecksum } from './element-sets.ts';

const [ONE, TWO] = REAL['ISS, a low orbit'];

/** A line with other text from a column on, its checksum made right. */
const changed = (line: string, column: number, text: string): string =>
  withChecksum(line.slice(0, column - 1) + text + line.slice(column - 1 + text.length));

describe('two-line element sets', () => {
  it.each(Object.entries(REAL))('%s is taken', (_, [line1, line2]) => {
    expect(parseTle(line1, line2)).toMatchObject({ line1, line2, satelliteNumber: Number(line1.slice(2, 7)) });
  });

  it('is read', () => {
    expect(parseTle(ONE, TWO)).toMatchObject({
      satelliteNumber: 25544,
      inclinationDeg: 51.6461,
      eccentricity: 0.0001413,
      meanMotionRevPerDay: 15.49507896,
    });
    expect(new Date(parseTle(ONE, TWO).epochMs).toISOString()).toBe('2020-07-12T21:16:01.000Z');
  });

  it.each([
    ['57001.00000000', '1957-01-01'],
    ['56366.50000000', '2056-12-31'],
  ])('epoch %s is of %s', (epoch, day) => {
    const { epochMs } = parseTle(changed(ONE, 19, epoch), TWO);
    expect(new Date(epochMs).toISOString()).toMatch(day);
  });

  it.each([
    ['    5', 5],
    ['A0001', 100_001],
    ['H9999', 179_999],
    ['J0000', 180_000],
    ['Z9999', 339_999],
  ])('satellite number %s is %i', (text, number) => {
    expect(parseTle(changed(ONE, 3, text), changed(TWO, 3, text)).satelliteNumber).toBe(number);
  });

  it.each<[string, string, string, RegExp]>([
    ['nothing', '', '', /^tle_line1: is missing; add it$/],
    ['a line alone', ONE, '', /^tle_line2: is missing; add it$/],
    ['a carriage return', `${ONE}\r`, TWO, /^tle_line1: a line has 69 characters, this one 70$/],
    ['a cut line', ONE, TWO.slice(0, 68), /^tle_line2: .* this one 68$/],
    ['lines in the wrong order', TWO, ONE, /^tle_line1 column 1: line number must be 1$/],
    ['the same line twice', ONE, ONE, /^tle_line2 column 1: line number must be 2$/],
    ['one digit wrong', ONE.replace('20194', '20195'), TWO, /^tle_line1 column 69: checksum must be 3; /],
    ['a wrong checksum', ONE, `${TWO.slice(0, 68)}0`, /^tle_line2 column 69: checksum must be 8; /],
    ['a checksum of letters', ONE, `${TWO.slice(0, 68)}x`, /^tle_line2 column 69: checksum must be 8; /],
    ['lines of two satellites', ONE, changed(TWO, 3, '25545'), /^tle_line2 columns 3 to 7: .* two satellites$/],
    [
      'I in a number',
      changed(ONE, 3, 'I0001'),
      changed(TWO, 3, 'I0001'),
      /^tle_line1 columns 3 to 7: satellite number/,
    ],
    ['small letters in a number', changed(ONE, 3, 'a0001'), TWO, /^tle_line1 columns 3 to 7: satellite number/],
    ['text between columns', changed(ONE, 9, 'x'), TWO, /^tle_line1 column 9: must be blank$/],
    ['no number for the day', changed(ONE, 21, '19x.88612269'), TWO, /^tle_line1 columns 21 to 32: epoch day/],
    ['day 0', changed(ONE, 21, '000.88612269'), TWO, /^tle_line1 columns 21 to 32: epoch day must be from 1 to 366/],
    [
      'day 366 of a common year',
      changed(ONE, 19, '21367.00000000'),
      TWO,
      /epoch day must be from 1 to 365.99999999 in 2021$/,
    ],
    ['a drag term of letters', changed(ONE, 54, ' abcde-4'), TWO, /^tle_line1 columns 54 to 61: drag term/],
    ['a derivative out of form', changed(ONE, 34, '0.00002218'), TWO, /^tle_line1 columns 34 to 43: first derivative/],
    ['elements of SGP4-XP', changed(ONE, 63, '4'), TWO, /^tle_line1 columns 63 to 63: .*SGP4-XP/],
    [
      'an inclination of 181',
      ONE,
      changed(TWO, 9, '181.0000'),
      /^tle_line2 columns 9 to 16: inclination must be from 0 to 180 degrees$/,
    ],
    ['a node of 361', ONE, changed(TWO, 18, '361.0000'), /^tle_line2 columns 18 to 25: right ascension .* 0 to 360/],
    [
      'an eccentricity with a point',
      ONE,
      changed(TWO, 27, '.000141'),
      /^tle_line2 columns 27 to 33: eccentricity must be seven digits$/,
    ],
    ['a blank mean anomaly', ONE, changed(TWO, 44, '        '), /^tle_line2 columns 44 to 51: mean anomaly/],
    [
      'no motion',
      ONE,
      changed(TWO, 53, ' 0.00000000'),
      /^tle_line2 columns 53 to 63: mean motion must be from 0.03 to 17.5/,
    ],
    [
      'an orbit in the Earth',
      ONE,
      changed(TWO, 53, '18.00000000'),
      /mean motion must be from 0.03 to 17.5 revolutions a day$/,
    ],
    ['NaN', ONE, changed(TWO, 53, 'NaN        '), /^tle_line2 columns 53 to 63: mean motion/],
    ['digits of another script', ONE, changed(TWO, 9, ' ５1.6461'), /^tle_line2 columns 9 to 16: inclination/],
  ])('with %s is refused', (_, line1, line2, message) => {
    let thrown: unknown;
    try {
      parseTle(line1, line2);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'INVALID_ARGUMENT', publicMessage: expect.stringMatching(message) });
  });

  it('names the lines as it is told', () => {
    expect(() => parseTle('', '', ['first', 'second'])).toThrow(/^first: /);
  });
});

describe('orbits', () => {
  it('whose perigee is under ground are refused', () => {
    const tle = parseTle(ONE, changed(changed(TWO, 27, '7001413'), 53, '15.49507896'));
    expect(() => new Orbit(tle)).toThrow(
      /^satellite 25544 cannot be predicted for 2020-07-12T.*: its perigee is under ground$/,
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Date.UTC(2035, 0, 1), Date.UTC(1999, 0, 1)])(
    'are not predicted for %d, ten years away',
    (timeMs) => {
      const orbit = new Orbit(parseTle(ONE, TWO));
      expect(() => orbit.at(timeMs)).toThrow(/more than 3660 days from the epoch/);
    },
  );

  it.each(['a geostationary orbit', 'Molniya, a highly elliptical orbit'] as const)(
    'like %s are not predicted for more than 100 days, since they are integrated from their epoch on',
    (name) => {
      const [line1, line2] = REAL[name];
      const orbit = new Orbit(parseTle(line1, line2));
      expect(orbit.at(orbit.tle.epochMs + 99 * 86_400_000)).toBeDefined();
      expect(() => orbit.at(orbit.tle.epochMs - 101 * 86_400_000)).toThrow(/more than 100 days from the epoch/);
    },
  );
});

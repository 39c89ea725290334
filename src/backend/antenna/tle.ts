import { PassbandError } from '../../errors.ts';

/** Characters of each line, NORAD's two-line format. */
const LINE_LENGTH = 69;
/** Alpha-5 of the Space Force: a letter in front stands for 10 to 33; I and O look like digits and are left out. */
const ALPHA5 = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const DAY_MS = 86_400_000;

/** A two-line element set that has been checked: an SGP4 that reads it will read what its author wrote. */
export interface Tle {
  readonly line1: string;
  readonly line2: string;
  /** Catalogue number; Alpha-5 numbers (A0001 = 100001) are resolved. */
  readonly satelliteNumber: number;
  /** Milliseconds since 1970-01-01T00:00:00Z, with a fraction, at which the elements hold. */
  readonly epochMs: number;
  /** Orbits a day. */
  readonly meanMotionRevPerDay: number;
  readonly eccentricity: number;
  readonly inclinationDeg: number;
}

interface Column {
  /** First column, counted from 1 as the format's description does. */
  readonly at: number;
  readonly width: number;
  readonly name: string;
  readonly form: RegExp;
  /** The form in words. */
  readonly said: string;
}

const column = (at: number, width: number, name: string, form: RegExp, said: string): Column => ({
  at,
  width,
  name,
  form,
  said,
});
const SATELLITE_NUMBER = column(
  3,
  5,
  'satellite number',
  /^(?: *\d+|[A-HJ-NP-Z]\d{4})$/,
  'five digits, or a letter but I and O with four digits',
);
const angle = (at: number, name: string): Column => column(at, 8, name, /^ *\d{1,3}\.\d{4}$/, 'a number like 123.4567');
const exponent = (at: number, name: string): Column =>
  column(at, 8, name, /^[ +-]\d{5}[+-]\d$/, 'a number like  12345-6, that is 0.12345e-6');

const EPOCH_YEAR = column(19, 2, 'epoch year', /^\d\d$/, 'two digits');
const EPOCH_DAY = column(21, 12, 'epoch day', /^[ \d]{2}\d\.\d{8}$/, 'a number like 123.12345678');
const EPHEMERIS_TYPE = column(63, 1, 'ephemeris type', /^[ 0-3]$/, '0 or blank; type 4 is for SGP4-XP, not SGP4');
const LINE1: readonly Column[] = [
  SATELLITE_NUMBER,
  column(8, 1, 'classification', /^[UCS ]$/, 'U, C or S'),
  column(10, 8, 'international designator', /^(?: {8}|\d{5}[A-Z ]{3})$/, 'like 98067A'),
  EPOCH_YEAR,
  EPOCH_DAY,
  column(34, 10, 'first derivative of the mean motion', /^[ +-]\.\d{8}$/, 'a number like  .00001234'),
  exponent(45, 'second derivative of the mean motion'),
  exponent(54, 'drag term'),
  EPHEMERIS_TYPE,
  column(65, 4, 'element set number', /^ *\d*$/, 'digits'),
];

const INCLINATION = angle(9, 'inclination');
const NODE = angle(18, 'right ascension of the ascending node');
const ECCENTRICITY = column(27, 7, 'eccentricity', /^\d{7}$/, 'seven digits');
const PERIGEE = angle(35, 'argument of perigee');
const ANOMALY = angle(44, 'mean anomaly');
const MEAN_MOTION = column(53, 11, 'mean motion', /^[ \d]\d\.\d{8}$/, 'a number like 15.12345678');
const LINE2: readonly Column[] = [
  SATELLITE_NUMBER,
  INCLINATION,
  NODE,
  ECCENTRICITY,
  PERIGEE,
  ANOMALY,
  MEAN_MOTION,
  column(64, 5, 'revolution number', /^ *\d*$/, 'digits'),
];

const refuse = (place: string, what: string): never => {
  throw new PassbandError('INVALID_ARGUMENT', `${place}: ${what}`);
};

const textOf = (line: string, { at, width }: Column): string => line.slice(at - 1, at - 1 + width);

/** Sum of the digits, a minus sign counting one, modulo 10. */
function checksum(line: string): number {
  let sum = 0;
  for (const character of line.slice(0, LINE_LENGTH - 1)) {
    if (character === '-') sum += 1;
    else if (character >= '0' && character <= '9') sum += Number(character);
  }
  return sum % 10;
}

function checkLine(field: string, line: string, number: '1' | '2', columns: readonly Column[]): void {
  if (line === '') refuse(field, 'is missing; add it');
  if (line.length !== LINE_LENGTH) refuse(field, `a line has ${LINE_LENGTH} characters, this one ${line.length}`);
  if (line[0] !== number) refuse(`${field} column 1`, `line number must be ${number}`);
  const taken = new Set([1, LINE_LENGTH]);
  for (const each of columns) {
    const { at, width, name, form, said } = each;
    if (!form.test(textOf(line, each)))
      refuse(`${field} columns ${at} to ${at + width - 1}`, `${name} must be ${said}`);
    for (let i = 0; i < width; i++) taken.add(at + i);
  }
  for (let at = 1; at <= LINE_LENGTH; at++) {
    if (!taken.has(at) && line[at - 1] !== ' ') refuse(`${field} column ${at}`, 'must be blank');
  }
  const expected = checksum(line);
  if (line[LINE_LENGTH - 1] !== String(expected)) {
    refuse(`${field} column ${LINE_LENGTH}`, `checksum must be ${expected}; the line was mistyped or cut`);
  }
}

function numberIn(field: string, line: string, from: Column, min: number, max: number, unit: string): number {
  const value = Number(textOf(line, from));
  if (value >= min && value <= max) return value;
  const { at, width, name } = from;
  return refuse(`${field} columns ${at} to ${at + width - 1}`, `${name} must be from ${min} to ${max} ${unit}`);
}

function satelliteNumber(line: string): number {
  const text = textOf(line, SATELLITE_NUMBER);
  const letter = ALPHA5.indexOf(text[0] ?? '');
  return letter === -1 ? Number(text) : (10 + letter) * 10_000 + Number(text.slice(1));
}

/** Years 57 to 99 are of the twentieth century: the first satellite flew in 1957. */
function epochOf(field: string, line: string): number {
  const short = Number(textOf(line, EPOCH_YEAR));
  const year = short < 57 ? 2000 + short : 1900 + short;
  const begin = Date.UTC(year, 0, 1);
  const days = (Date.UTC(year + 1, 0, 1) - begin) / DAY_MS;
  // 366.99999999 in a leap year is still of that year.
  const day = numberIn(field, line, EPOCH_DAY, 1, days + 0.999_999_99, `in ${year}`);
  return begin + (day - 1) * DAY_MS;
}

/**
 * Checks a two-line element set: length, line numbers, every column, checksums, and ranges that an orbit of the Earth has.
 * Lines are taken as they are: blanks or a carriage return behind them are refused like any other wrong length.
 *
 * @param fields what the lines are called in messages.
 * @throws PassbandError INVALID_ARGUMENT naming line, columns and what is wrong.
 */
export function parseTle(
  line1: string,
  line2: string,
  fields: readonly [string, string] = ['tle_line1', 'tle_line2'],
): Tle {
  const [field1, field2] = fields;
  checkLine(field1, line1, '1', LINE1);
  checkLine(field2, line2, '2', LINE2);
  const number = satelliteNumber(line1);
  if (satelliteNumber(line2) !== number) {
    refuse(`${field2} columns 3 to 7`, `satellite number must be that of ${field1}: the lines are of two satellites`);
  }
  for (const each of [NODE, PERIGEE, ANOMALY]) numberIn(field2, line2, each, 0, 360, 'degrees');
  return {
    line1,
    line2,
    satelliteNumber: number,
    epochMs: epochOf(field1, line1),
    inclinationDeg: numberIn(field2, line2, INCLINATION, 0, 180, 'degrees'),
    eccentricity: Number(`0.${textOf(line2, ECCENTRICITY)}`),
    // Slower ones are beyond the Moon, faster ones inside the atmosphere.
    meanMotionRevPerDay: numberIn(field2, line2, MEAN_MOTION, 0.03, 17.5, 'revolutions a day'),
  };
}

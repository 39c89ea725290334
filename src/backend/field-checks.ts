import { PassbandError } from '../errors.ts';

/** What the fleet's station ids look like. */
const STATION_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Band names are labels; what is no label is a mistake or worse. */
const BAND = /^[A-Za-z0-9][A-Za-z0-9 _-]{0,31}$/;

/** Limits of a numeric field. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** Unit as the message names it. */
  readonly unit: string;
}

const refuse = (message: string): never => {
  throw new PassbandError('INVALID_ARGUMENT', message);
};

/** The station id, when it is one. @throws PassbandError INVALID_ARGUMENT */
export function checkStationId(stationId: string): string {
  if (STATION_ID.test(stationId)) return stationId;
  return refuse('station_id must be 1 to 64 of A-Z a-z 0-9 _ -');
}

/** The band name, undefined when empty. @throws PassbandError INVALID_ARGUMENT */
export function checkBand(band: string): string | undefined {
  if (band === '') return undefined;
  return BAND.test(band)
    ? band
    : refuse('band must be a name such as C-band, Ku-band or Ka-band, of 32 characters at most');
}

/**
 * The number, when it is finite and in range.
 *
 * @throws PassbandError INVALID_ARGUMENT naming field, range and unit.
 */
export function checkNumber(field: string, value: number, range: NumberRange): number {
  if (Number.isFinite(value) && value >= range.min && value <= range.max) return value;
  return refuse(`${field} must be a number from ${range.min} to ${range.max} ${range.unit}`);
}

/**
 * Like checkNumber; 0, which is what an absent field has, gives undefined.
 *
 * @param zero what 0 does or means here, for the message: `means 1024`, `keeps the present one`.
 * @throws PassbandError INVALID_ARGUMENT naming field, range, unit and the meaning of 0.
 */
export function checkOptionalNumber(
  field: string,
  value: number,
  range: NumberRange,
  zero: string,
): number | undefined {
  if (value === 0) return undefined;
  if (Number.isFinite(value) && value >= range.min && value <= range.max) return value;
  return refuse(`${field} must be a number from ${range.min} to ${range.max} ${range.unit}, or 0, which ${zero}`);
}

/** An enum value by its name. A number the proto does not know arrives as a number. @throws PassbandError INVALID_ARGUMENT */
export function checkEnum<T>(field: string, value: string | number, names: Readonly<Record<string, T>>): T {
  const found = Object.hasOwn(names, value) ? names[value] : undefined;
  return found ?? refuse(`${field} must be one of ${Object.keys(names).join(', ')}`);
}

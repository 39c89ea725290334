import { LOG_LEVELS, type LogLevel } from './observability/log.ts';

/** Any text but an empty one. */
export const text = (value: string): string => {
  if (value.trim() === '') throw new RangeError('must not be empty');
  return value;
};

/** A whole number within bounds; the message names both. */
export function whole(min: number, max: number, unit: string): (text: string) => number {
  return (value) => {
    const number = /^[0-9]{1,12}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max))
      throw new RangeError(`must be a whole number${unit === '' ? '' : ` of ${unit}`} from ${min} to ${max}`);
    return number;
  };
}

/** Seconds as written by people, milliseconds inside. */
export function seconds(min: number, max: number): (text: string) => number {
  return (value) => {
    const number = /^[0-9]{1,9}(\.[0-9]{1,3})?$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max)) throw new RangeError(`must be seconds from ${min} to ${max}`);
    return Math.round(number * 1000);
  };
}

/** A gRPC target that ends in a port. */
export function backendTarget(value: string): string {
  if (/\s/.test(value) || !/:[0-9]{1,5}$/.test(value))
    throw new RangeError('must be HOST:PORT or a gRPC target that ends in one');
  return value;
}

/** One of {@link LOG_LEVELS}. */
export function logLevel(value: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value);
  if (level === undefined) throw new RangeError(`must be one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

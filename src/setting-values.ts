import { isIP, isIPv6 } from 'node:net';

/** Any text but an empty one. */
export const text = (value: string): string => {
  if (value.trim() === '') throw new RangeError('must not be empty');
  return value;
};

/** A whole number within bounds; the message names both. */
export function whole(min: number, max: number, unit: string): (text: string) => number {
  return (value) => {
    const number = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
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

/** An address to listen on, or a name of one. What looks like an address must be one, and never goes to a name server. */
export function listenAddress(value: string): string {
  const isProper = value.includes(':')
    ? isIPv6(value)
    : /^[0-9.]+$/.test(value)
      ? isIP(value) === 4
      : /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/.test(value);
  if (!isProper) throw new RangeError('must be an IP address such as 127.0.0.1 or ::1, :: for all, or a host name');
  return value;
}

/** A gRPC target that ends in a port. */
export function backendTarget(value: string): string {
  if (/\s/.test(value) || !/:[0-9]{1,5}$/.test(value))
    throw new RangeError('must be HOST:PORT or a gRPC target that ends in one');
  return value;
}

/** One of a few words. */
export function oneOf<T extends string>(choices: readonly T[]): (text: string) => T {
  return (value) => {
    const chosen = choices.find((known) => known === value);
    if (chosen === undefined) throw new RangeError(`must be one of ${choices.join(', ')}`);
    return chosen;
  };
}

/** Of a setting that always has a value: the one text that was given. */
export function one<T>(parse: (text: string) => T): (texts: readonly string[]) => T {
  return ([given]) => {
    if (given === undefined) throw new RangeError('must be given');
    return parsed(parse, given);
  };
}

/** Of a setting that nobody need say anything about. */
export function optional<T>(parse: (text: string) => T): (texts: readonly string[]) => T | undefined {
  return ([given]) => (given === undefined ? undefined : parsed(parse, given));
}

/** Of a repeatable setting. */
export function many<T>(parse: (text: string) => T): (texts: readonly string[]) => readonly T[] {
  return (given) => Object.freeze(given.map((one) => parsed(parse, one)));
}

function parsed<T>(parse: (text: string) => T, given: string): T {
  try {
    return parse(given);
  } catch (error) {
    throw new RangeError(`"${given}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

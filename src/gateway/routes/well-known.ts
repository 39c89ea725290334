import { PassbandError } from '../../errors.ts';
import { parseRfc3339 } from '../../rfc3339.ts';
import { echoed } from './echoed.ts';
import { invalid } from './scalar.ts';

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds since 1970: the range of google.protobuf.Timestamp. */
const TIMESTAMP_RANGE: readonly [bigint, bigint] = [-62_135_596_800n, 253_402_300_799n];
/** About 10,000 years in seconds: the range of google.protobuf.Duration. */
const MAX_DURATION_SECONDS = 315_576_000_000n;

/** Characters of a google.protobuf.FieldMask in JSON: a thousand paths, and more than any message has fields. */
const MAX_MASK_CHARACTERS = 65_536;

/** Seconds and nanoseconds, as Timestamp and Duration hold them. */
export interface SecondsAndNanos {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** A google.protobuf.Timestamp from RFC 3339 text, with the upper-case T and Z that the protobuf JSON mapping asks for. */
export function parseTimestamp(text: string, where: string): SecondsAndNanos {
  const moment = parseRfc3339(text);
  if (moment === undefined) throw invalid(where, 'must be an RFC 3339 time such as 2026-01-31T12:00:00.5Z');
  if (moment.seconds < TIMESTAMP_RANGE[0] || moment.seconds > TIMESTAMP_RANGE[1])
    throw invalid(where, 'must lie in the years 0001 to 9999');
  return moment;
}

/** A google.protobuf.Duration from text such as `1.5s`. */
export function parseDuration(text: string, where: string): SecondsAndNanos {
  const parts = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (parts === null) throw invalid(where, 'must be seconds with the suffix "s", such as 1.5s');
  const sign = parts[1] === '-' ? -1 : 1;
  const seconds = BigInt(parts[2] ?? '0');
  const nanos = Number((parts[3] ?? '').padEnd(9, '0'));
  if (seconds > MAX_DURATION_SECONDS) {
    throw invalid(where, `must be within ${MAX_DURATION_SECONDS} seconds`);
  }
  return { seconds: BigInt(sign) * seconds, nanos: nanos === 0 ? 0 : sign * nanos };
}

/** The paths of a google.protobuf.FieldMask from its JSON text: lowerCamelCase names, separated by commas. */
export function parseFieldMask(text: string, where: string): string[] {
  if (text === '') return [];
  if (text.length > MAX_MASK_CHARACTERS) throw invalid(where, `has more than ${MAX_MASK_CHARACTERS} characters`);
  return text.split(',').map((path) => {
    if (!/^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$/.test(path)) {
      throw invalid(where, `"${echoed(path)}" is no lowerCamelCase field path`);
    }
    return path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  });
}

/** RFC 3339 text of a Timestamp, with 0, 3, 6 or 9 digits of fraction. */
export function formatTimestamp({ seconds, nanos }: SecondsAndNanos): string {
  if (seconds < TIMESTAMP_RANGE[0] || seconds > TIMESTAMP_RANGE[1] || nanos < 0 || nanos > 999_999_999) {
    throw unprintable('google.protobuf.Timestamp is out of range');
  }
  const iso = new Date(Number(seconds) * 1000).toISOString();
  return `${iso.slice(0, 19)}${fraction(nanos)}Z`;
}

/** Text of a Duration. */
export function formatDuration({ seconds, nanos }: SecondsAndNanos): string {
  const magnitude = seconds < 0n ? -seconds : seconds;
  const mixed = (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0);
  if (magnitude > MAX_DURATION_SECONDS || Math.abs(nanos) > 999_999_999 || mixed) {
    throw unprintable('google.protobuf.Duration is out of range');
  }
  return `${seconds < 0n || nanos < 0 ? '-' : ''}${magnitude}${fraction(Math.abs(nanos))}s`;
}

/** JSON text of a FieldMask. */
export function formatFieldMask(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const camel = path.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
      // A name that does not come back the same cannot be told in lowerCamelCase.
      if (camel.includes('_') || camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) !== path) {
        throw unprintable('google.protobuf.FieldMask has a path that JSON cannot hold');
      }
      return camel;
    })
    .join(',');
}

/** A message that the backend sent and that has no JSON form. */
export function unprintable(why: string): PassbandError {
  return new PassbandError('INTERNAL', `the response has no JSON form: ${why}`);
}

function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const nine = String(nanos).padStart(9, '0');
  return `.${nine.endsWith('000000') ? nine.slice(0, 3) : nine.endsWith('000') ? nine.slice(0, 6) : nine}`;
}

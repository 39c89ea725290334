/** A moment, as google.protobuf.Timestamp counts it. */
export interface Moment {
  /** Whole seconds since 1970-01-01T00:00:00Z, below 0 before. */
  readonly seconds: bigint;
  /** From there on, 0 to 999,999,999. */
  readonly nanos: number;
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/**
 * The moment that an RFC 3339 time states, with capital T and Z and up to nanoseconds; undefined for what states none: a
 * day that its month does not have, or hour 24. A leap second (60) is none either, since seconds since 1970 have no place
 * for it.
 */
export function parseRfc3339(text: string): Moment | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  // Date.UTC takes years below 100 for those of the last century.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // Date rolls 30 February over to 2 March; a day that does not come back the same names none.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const [offsetHours, offsetMinutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offsetS = (offsetHours * 60 + offsetMinutes) * 60 * (parts[8] === '-' ? -1 : 1);
  const seconds = date.getTime() / 1000 + (hour * 60 + minute) * 60 + second - offsetS;
  return { seconds: BigInt(seconds), nanos: Number((parts[7] ?? '').padEnd(9, '0')) };
}

/** The same in nanoseconds since 1970. */
export function rfc3339Ns(text: string): bigint | undefined {
  const moment = parseRfc3339(text);
  return moment === undefined ? undefined : moment.seconds * 1_000_000_000n + BigInt(moment.nanos);
}

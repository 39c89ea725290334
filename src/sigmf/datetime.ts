const DATETIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?Z$/;

const NS_PER_SECOND = 1_000_000_000n;

/**
 * The time that a `core:datetime` states, nanoseconds since 1970-01-01T00:00:00Z; undefined where it states none. SigMF
 * 1.2.5 takes RFC 3339 with capital T and Z and any number of digits of a second. A leap second is the beginning of the
 * next minute; digits beyond nanoseconds are cut off.
 */
export function parseDatetime(text: string): bigint | undefined {
  const match = DATETIME.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  // Date.UTC takes years below 100 for those of the last century.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDay = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDay || hour > 23 || minute > 59 || second > 60 || (second === 60 && minute !== 59)) return undefined;
  const seconds = BigInt(date.getTime() / 1000 + hour * 3600 + minute * 60 + second);
  return seconds * NS_PER_SECOND + BigInt((match[7] ?? '').slice(0, 9).padEnd(9, '0'));
}

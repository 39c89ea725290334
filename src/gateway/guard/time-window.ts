/** Days of the week as a policy names them, in the order of ISO 8601. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** One day of the week. */
export type Day = (typeof DAYS)[number];

/** A time at which an entry holds: hours of days of the week, and the span in which they count. */
export interface TimeWindow {
  /** Days on which it begins; all seven when nothing is said. */
  readonly days: readonly Day[];
  /** Minutes after midnight, local time: the first that belongs to it. */
  readonly fromMinute: number;
  /** Minutes after midnight, local time: the first that does not; of the next day when it is not after `fromMinute`. */
  readonly toMinute: number;
  /** IANA name of the time zone that days and times are of. */
  readonly timezone: string;
  /** First and last moment, milliseconds since 1970; infinite where nothing is said. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

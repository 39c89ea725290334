/** Days of the week as a policy names them, in the order of ISO 8601. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** One day of the week. */
export type Day = (typeof DAYS)[number];

/** A time at which an entry holds: hours of days of the week, and the span in which they count. */
export interface TimeWindow {
  /** Days on which it begins. */
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

const DAY_NAMES: readonly string[] = DAYS;

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const WEEK_MINUTES = 7 * DAY_MINUTES;

/** How far ahead a border is looked for: a week has all that recurs, and a day more for clocks that are set. */
const MAX_LOOK_AHEAD_MS = 8 * 24 * 60 * 60 * 1000;

/** What was worked out last for a window: whether it is open from one moment to another, and the border after it. */
interface Known {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly open: boolean;
}

interface Clockwork {
  readonly format: Intl.DateTimeFormat;
  stretch: Known | undefined;
  border: { readonly sinceMs: number; readonly borderMs: number } | undefined;
}

/** A pure function's memory: the calendar is slow, and the same few windows are asked about on every request. */
const clockworks = new WeakMap<TimeWindow, Clockwork>();

/**
 * Whether a window is open at a moment. Days and times are those that a clock on the wall shows: where it is set
 * forward, minutes that it leaves out belong to nothing; where it is set back, those that it shows twice count twice.
 *
 * @throws RangeError when `nowMs` is no moment.
 */
export function isOpen(window: TimeWindow, nowMs: number): boolean {
  // Written so that what is no moment (NaN) is refused.
  if (!(nowMs >= window.notBeforeMs && nowMs <= window.notAfterMs)) return false;
  return isWholeWeek(window) || isOpenByClock(window, nowMs);
}

/**
 * The next moment after `nowMs` at which a window may open or close; undefined when it stays as it is for ever. At times
 * it names one at which nothing changes, never one that is too late.
 */
export function nextBorderMs(window: TimeWindow, nowMs: number): number | undefined {
  if (nowMs > window.notAfterMs) return undefined;
  if (nowMs < window.notBeforeMs) return window.notBeforeMs;
  const last = window.notAfterMs === Number.POSITIVE_INFINITY ? window.notAfterMs : window.notAfterMs + 1;
  const border = isWholeWeek(window) ? last : Math.min(last, nextClockBorderMs(window, nowMs));
  return border === Number.POSITIVE_INFINITY ? undefined : border;
}

function isWholeWeek({ days, fromMinute, toMinute }: TimeWindow): boolean {
  return days.length === DAYS.length && fromMinute === 0 && toMinute === DAY_MINUTES;
}

function isOpenByClock(window: TimeWindow, nowMs: number): boolean {
  const clockwork = clockworkOf(window);
  const { stretch } = clockwork;
  if (stretch !== undefined && nowMs >= stretch.sinceMs && nowMs < stretch.untilMs) return stretch.open;
  const open = covers(window, weekMinute(clockwork, nowMs));
  clockwork.stretch = { sinceMs: nowMs, untilMs: nextEdgeMs(window, clockwork, nowMs), open };
  return open;
}

function nextClockBorderMs(window: TimeWindow, nowMs: number): number {
  const clockwork = clockworkOf(window);
  const known = clockwork.border;
  if (known !== undefined && nowMs >= known.sinceMs && nowMs < known.borderMs) return known.borderMs;
  const open = covers(window, weekMinute(clockwork, nowMs));
  let edgeMs = nowMs;
  do edgeMs = nextEdgeMs(window, clockwork, edgeMs);
  while (edgeMs - nowMs < MAX_LOOK_AHEAD_MS && covers(window, weekMinute(clockwork, edgeMs)) === open);
  clockwork.border = { sinceMs: nowMs, borderMs: edgeMs };
  return edgeMs;
}

/** Whether a window has a minute of the week (0 is Monday 00:00). */
function covers({ days, fromMinute, toMinute }: TimeWindow, minuteOfWeek: number): boolean {
  const day = Math.floor(minuteOfWeek / DAY_MINUTES);
  const minute = minuteOfWeek % DAY_MINUTES;
  const begins = (index: number): boolean => days.includes(DAYS[(index + DAYS.length) % DAYS.length] ?? 'mon');
  if (toMinute > fromMinute) return begins(day) && minute >= fromMinute && minute < toMinute;
  return (begins(day) && minute >= fromMinute) || (begins(day - 1) && minute < toMinute);
}

/** The next moment at which the clock shows a border of the window or midnight, or is set forward or back. */
function nextEdgeMs({ fromMinute, toMinute }: TimeWindow, clockwork: Clockwork, nowMs: number): number {
  const startMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const start = weekMinute(clockwork, startMs);
  const minutes = [fromMinute, toMinute, 0].map((edge) => {
    return (((edge - start) % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
  });
  const runsOn = (after: number): boolean =>
    weekMinute(clockwork, startMs + after * MINUTE_MS) === (start + after) % WEEK_MINUTES;
  let [still, set] = [0, Math.min(...minutes)];
  if (runsOn(set)) return startMs + set * MINUTE_MS;
  while (set - still > 1) {
    const middle = Math.floor((still + set) / 2);
    if (runsOn(middle)) still = middle;
    else set = middle;
  }
  return startMs + set * MINUTE_MS;
}

function clockworkOf(window: TimeWindow): Clockwork {
  const known = clockworks.get(window);
  if (known !== undefined) return known;
  const made: Clockwork = { format: formatOf(window.timezone), stretch: undefined, border: undefined };
  clockworks.set(window, made);
  return made;
}

/** By time zone, of which there are some hundreds: each is large and slow to make, and many windows have the same. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
  formats.set(timezone, made);
  return made;
}

/** Minutes since Monday 00:00 as the clock on the wall shows them. */
function weekMinute({ format }: Clockwork, ms: number): number {
  let [day, hour, minute] = [0, 0, 0];
  for (const { type, value } of format.formatToParts(ms)) {
    if (type === 'weekday') day = DAY_NAMES.indexOf(value.toLowerCase());
    else if (type === 'hour') hour = Number(value);
    else if (type === 'minute') minute = Number(value);
  }
  return day * DAY_MINUTES + hour * 60 + minute;
}

import { parseRfc3339 } from '../../rfc3339.ts';
import type { YamlValue } from './policy-file.ts';
import { DAYS, type Day, type TimeWindow } from './time-window.ts';

/** Hours and minutes; 24:00 is the end of a day. */
const TIME = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;
const DAY_MINUTES = 24 * 60;

/** Date, hours and minutes of an ISO 8601 moment whose seconds are left out. */
const TO_THE_MINUTE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(?=[Z+-])/;

/** The list under `when`. */
export function parseWhen(list: YamlValue): TimeWindow[] {
  return list.items().map(parseWindow);
}

function parseWindow(item: YamlValue): TimeWindow {
  const { days, from, to, timezone, notBefore, notAfter } = item.members(
    [],
    ['days', 'from', 'to', 'timezone', 'notBefore', 'notAfter'],
  );
  if ((from === undefined) !== (to === undefined)) {
    item.fail(`${item.name} has only one of from and to; write both, or none for whole days`);
  }
  const clock = days ?? from;
  if (clock !== undefined && timezone === undefined) {
    clock.fail('days and times need a timezone; add one, such as timezone: Europe/Berlin or UTC');
  }
  if (clock === undefined) timezone?.fail('timezone is for days and times; add those, or remove it');
  const fromMinute = from === undefined ? 0 : parseTime(from);
  const toMinute = to === undefined ? DAY_MINUTES : parseTime(to);
  if (fromMinute === DAY_MINUTES) from?.fail('from is the end of a day; write 00:00 and the day after');
  if (fromMinute === toMinute) to?.fail('from and to are the same; leave both out for whole days');
  const notBeforeMs = notBefore === undefined ? Number.NEGATIVE_INFINITY : parseMoment(notBefore);
  const notAfterMs = notAfter === undefined ? Number.POSITIVE_INFINITY : parseMoment(notAfter);
  if (notBeforeMs > notAfterMs) notAfter?.fail('notAfter is before notBefore; exchange them');
  return {
    days: days === undefined ? DAYS : parseDays(days),
    fromMinute,
    toMinute,
    timezone: timezone === undefined ? 'UTC' : parseTimezone(timezone),
    notBeforeMs,
    notAfterMs,
  };
}

function parseDays(list: YamlValue): readonly Day[] {
  const days: Day[] = [];
  for (const item of list.items()) {
    const text = item.text();
    const day = DAYS.find((name) => name === text);
    if (day === undefined) return item.fail(`day "${text}" is unknown; write ${DAYS.join(', ')}`);
    if (days.includes(day)) item.fail(`day "${text}" is there twice; remove one`);
    days.push(day);
  }
  return days;
}

function parseTime(item: YamlValue): number {
  const text = item.text();
  const found = TIME.exec(text);
  if (found === null)
    return item.fail(`${item.name} "${text}" is no time of day; write hours and minutes, as in 08:30`);
  const [, hours = '24', minutes = '0'] = found;
  return Number(hours) * 60 + Number(minutes);
}

function parseTimezone(item: YamlValue): string {
  const timezone = item.text();
  const unknown = (): never =>
    item.fail(`timezone "${timezone}" is unknown; write a name of the IANA list, as Europe/Berlin, or UTC`);
  // Offsets would be taken too, but they know nothing of summer time.
  if (!/^[A-Za-z]/.test(timezone)) return unknown();
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: timezone }).resolvedOptions().timeZone;
  } catch {
    return unknown();
  }
}

function parseMoment(item: YamlValue): number {
  const ms = momentMs(item.text());
  return ms ?? item.fail(`${item.name} is no moment; write ISO 8601 with its offset, as in 2026-03-01T08:00:00Z`);
}

/**
 * Milliseconds since 1970 of an ISO 8601 date and time with offset, its seconds left out or not; undefined for anything
 * else. Without an offset it would depend on the machine.
 */
export function momentMs(text: string): number | undefined {
  const moment = parseRfc3339(text.replace(TO_THE_MINUTE, '$1:00'));
  return moment === undefined ? undefined : Number(moment.seconds) * 1000 + Math.floor(moment.nanos / 1e6);
}

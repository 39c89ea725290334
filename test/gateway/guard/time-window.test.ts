import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { DAYS, isOpen, nextBorderMs, type TimeWindow } from '../../../src/gateway/guard/time-window.ts';

const always: TimeWindow = {
  days: DAYS,
  fromMinute: 0,
  toMinute: 1440,
  timezone: 'UTC',
  notBeforeMs: Number.NEGATIVE_INFINITY,
  notAfterMs: Number.POSITIVE_INFINITY,
};
const office: TimeWindow = {
  ...always,
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  fromMinute: 8 * 60,
  toMinute: 18 * 60,
  timezone: 'Europe/Berlin',
};
const night: TimeWindow = { ...always, days: ['fri'], fromMinute: 22 * 60, toMinute: 6 * 60 + 7 };
/** Berlin's clock goes from 02:00 to 03:00 on 29 March 2026 (01:00 UTC) and from 03:00 to 02:00 on 25 October. */
const small: TimeWindow = { ...always, fromMinute: 150, toMinute: 170, timezone: 'Europe/Berlin' };
/** Lord Howe's clock is set by half an hour: at 02:00 (15:30 UTC of the day before) on 5 April 2026 back to 01:30. */
const howe: TimeWindow = { ...always, fromMinute: 100, toMinute: 130, timezone: 'Australia/Lord_Howe' };
const span: TimeWindow = { ...always, notBeforeMs: Date.UTC(2026, 0, 1), notAfterMs: Date.UTC(2026, 0, 2) };

const at = (text: string): number => Date.parse(text);

describe('a window is open', () => {
  test.each<[string, TimeWindow, string, boolean]>([
    ['always, when nothing is said', always, '2026-02-03T04:05:06Z', true],
    ['from its first minute in winter', office, '2026-01-05T07:00:00Z', true],
    ['not a millisecond before', office, '2026-01-05T06:59:59.999Z', false],
    ['to its last millisecond', office, '2026-01-05T16:59:59.999Z', true],
    ['not from its end on', office, '2026-01-05T17:00:00Z', false],
    ['an hour earlier by UTC in summer', office, '2026-07-06T06:00:00Z', true],
    ['and no longer', office, '2026-07-06T16:00:00Z', false],
    ['not on a day that is not its own', office, '2026-01-04T10:00:00Z', false],
    ['before midnight of its day', night, '2026-01-02T22:00:00Z', true],
    ['after that midnight', night, '2026-01-03T06:06:59.999Z', true],
    ['and not beyond', night, '2026-01-03T06:07:00Z', false],
    ['not after the midnight before its day', night, '2026-01-02T05:00:00Z', false],
    ['not on the evening after', night, '2026-01-03T22:00:00Z', false],
    ['at no moment when the clock leaves it out', small, '2026-03-29T00:59:59.999Z', false],
    ['… not after the leap either', small, '2026-03-29T01:00:00Z', false],
    ['when the clock shows it', small, '2026-10-25T00:30:00Z', true],
    ['not between the two times', small, '2026-10-25T00:50:00Z', false],
    ['when the clock shows it again', small, '2026-10-25T01:30:00Z', true],
    ['by half hours', howe, '2026-04-04T14:40:00Z', true],
    ['again from the moment that the clock is set back into it', howe, '2026-04-04T15:29:59Z', true],
    ['from its first moment', span, '2026-01-01T00:00:00Z', true],
    ['to its last', span, '2026-01-02T00:00:00Z', true],
    ['not after it', span, '2026-01-02T00:00:00.001Z', false],
    ['not before it', span, '2025-12-31T23:59:59.999Z', false],
  ])('%s', (_what, window, moment, open) => {
    expect(isOpen(window, at(moment))).toBe(open);
    // What was found out for another moment is not taken for this one.
    isOpen(window, at('2026-06-15T12:00:00Z'));
    expect(isOpen({ ...window }, at(moment))).toBe(open);
    expect(isOpen(window, at(moment))).toBe(open);
  });

  test.each([always, office, span])('never at what is no moment', (window) => {
    expect(isOpen(window, Number.NaN)).toBe(false);
  });
});

describe('the next border', () => {
  test.each<[string, TimeWindow, string, string | undefined]>([
    ['of one that is always open', always, '2026-02-03T04:05:06Z', undefined],
    ['is its end', office, '2026-01-05T08:12:13Z', '2026-01-05T17:00:00Z'],
    ['is its next begin', office, '2026-01-05T17:00:00Z', '2026-01-06T07:00:00Z'],
    ['lies beyond the weekend', office, '2026-01-09T17:00:00Z', '2026-01-12T07:00:00Z'],
    ['lies beyond the weekend on which the clock is set', office, '2026-03-27T17:00:00Z', '2026-03-30T06:00:00Z'],
    ['lies after midnight', night, '2026-01-02T23:00:00Z', '2026-01-03T06:07:00Z'],
    ['is the minute that the clock shows twice', small, '2026-10-25T00:45:00Z', '2026-10-25T00:50:00Z'],
    ['… and again', small, '2026-10-25T00:50:00Z', '2026-10-25T01:30:00Z'],
    ['is not the one that the clock leaves out', small, '2026-03-28T02:00:00Z', '2026-03-30T00:30:00Z'],
    ['is the first moment', span, '2025-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['is the moment after the last', span, '2026-01-01T12:00:00Z', '2026-01-02T00:00:00.001Z'],
    ['is none after that', span, '2026-01-02T00:00:00.001Z', undefined],
    [
      'is the end of the span when that comes first',
      { ...office, notAfterMs: at('2026-01-05T12:00:00Z') },
      '2026-01-05T11:00:00Z',
      '2026-01-05T12:00:00.001Z',
    ],
  ])('%s', (_what, window, moment, border) => {
    const found = nextBorderMs(window, at(moment));
    expect(found === undefined ? undefined : new Date(found).toISOString()).toBe(
      border === undefined ? undefined : new Date(at(border)).toISOString(),
    );
  });

  it('is never too late, whatever the window and the zone', () => {
    const anyWindow = fc.record({
      days: fc.subarray([...DAYS], { minLength: 1 }),
      fromMinute: fc.nat(1439),
      toMinute: fc.integer({ min: 1, max: 1440 }),
      timezone: fc.constantFrom(
        'Europe/Berlin',
        'America/New_York',
        'Australia/Lord_Howe',
        'Asia/Kathmandu',
        'Pacific/Apia',
        'Africa/Casablanca',
        'UTC',
      ),
      notBeforeMs: fc.constant(Number.NEGATIVE_INFINITY),
      notAfterMs: fc.constant(Number.POSITIVE_INFINITY),
    });
    /** The days around which clocks were set; Samoa had no 30 December 2011. */
    const anyMoment = fc
      .tuple(
        fc.constantFrom(
          at('2026-03-28T00:00Z'),
          at('2026-10-24T00:00Z'),
          at('2026-04-04T00:00Z'),
          at('2011-12-29T00:00Z'),
        ),
        fc.nat(3 * 24 * 60 * 60 * 1000),
      )
      .map(([day, more]) => day + more);
    fc.assert(
      fc.property(anyWindow, anyMoment, (window, nowMs) => {
        fc.pre(window.fromMinute !== window.toMinute);
        const border = nextBorderMs(window, nowMs);
        if (border === undefined) throw new Error('a window that recurs has a border');
        expect(border).toBeGreaterThan(nowMs);
        const open = isOpen({ ...window }, nowMs);
        // Every fifth minute, asked of windows that remember nothing.
        for (let ms = nowMs; ms < border; ms += 300_000) expect(isOpen({ ...window }, ms)).toBe(open);
        expect(isOpen({ ...window }, border - 1)).toBe(open);
        if (border - nowMs < 7 * 86_400_000) expect(isOpen({ ...window }, border)).toBe(!open);
      }),
      { numRuns: 15 },
    );
  });
});

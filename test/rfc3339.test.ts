import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { parseStartPosition } from '../src/backend/iq/download/start-position.ts';
import { readRecordOrder } from '../src/cli/recording/record-order.ts';
import { UsageError } from '../src/errors.ts';
import { momentMs } from '../src/gateway/guard/policy-when.ts';
import { parseTimestamp } from '../src/gateway/routes/well-known.ts';
import { parseRfc3339 } from '../src/rfc3339.ts';

const MS_PER_DAY = 86_400_000;

/** 0000-01-01 to 9999-12-31, milliseconds. */
const moment = fc.integer({ min: Date.UTC(2000, 0) - 730_485 * MS_PER_DAY, max: Date.UTC(9999, 11, 31) });

describe('an RFC 3339 time', () => {
  it('is the moment that Date printed', () => {
    fc.assert(
      fc.property(moment, (ms) => {
        const { seconds, nanos } = parseRfc3339(new Date(ms).toISOString()) ?? { seconds: 0n, nanos: -1 };
        expect(Number(seconds) * 1000 + nanos / 1e6).toBe(ms);
      }),
    );
  });

  // Offsets are east of Greenwich, RFC 3339 section 4.2.
  it('is earlier by its offset', () => {
    fc.assert(
      fc.property(moment, fc.integer({ min: -1439, max: 1439 }), (ms, minutes) => {
        const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
        const offset = `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
        const text = new Date(ms).toISOString().replace('Z', offset);
        const { seconds, nanos } = parseRfc3339(text) ?? { seconds: 0n, nanos: -1 };
        expect(Number(seconds) * 1000 + nanos / 1e6).toBe(ms - minutes * 60_000);
      }),
    );
  });

  it.each([
    ['2026-01-02T03:04:05Z', 0],
    ['2026-01-02T03:04:05.5Z', 500_000_000],
    ['2026-01-02T03:04:05.000000001Z', 1],
    ['2026-01-02T03:04:05.123456789-00:00', 123_456_789],
  ])('%s has %d nanoseconds', (text, nanos) => {
    expect(parseRfc3339(text)).toEqual({ seconds: 1_767_323_045n, nanos });
  });
});

const NONE = [
  '2026-02-29T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-00-10T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-00T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:60:00Z',
  '2026-06-30T23:59:60Z',
  '2026-01-01T00:00:00+24:00',
  '2026-01-01T00:00:00+00:60',
  '2026-01-01T00:00:00',
  '2026-01-01t00:00:00z',
  '2026-01-01 00:00:00Z',
  '2026-01-01T00:00:00.Z',
  '2026-01-01T00:00:00.1234567890Z',
  '+02026-01-01T00:00:00Z',
  ' 2026-01-01T00:00:00Z',
  '2026-01-01',
];

describe.each(NONE)('%j is no time', (text) => {
  test('for whoever reads one', () => expect(parseRfc3339(text)).toBeUndefined());
  test('to begin a download at', () => expect(() => parseStartPosition(text)).toThrow(/^from must be/));
  test('to begin a recording at', async () => {
    const flags = { output: 'x.iq', from: text, url: 'https://localhost', certs: 'certs', retry: '1' };
    const order = readRecordOrder('radio', flags);
    await expect(order).rejects.toThrow(UsageError);
    await expect(order).rejects.toThrow(`--from ${text}: must be`);
  });
  test('of a policy', () => expect(momentMs(text)).toBeUndefined());
  test('in a request', () => expect(() => parseTimestamp(text, 'time')).toThrow(/RFC 3339/));
});

test('a moment of a policy may leave its seconds out', () => {
  expect(momentMs('2026-01-01T08:30+01:00')).toBe(Date.UTC(2026, 0, 1, 7, 30));
  expect(momentMs('2026-01-01T08:30:15.25Z')).toBe(Date.UTC(2026, 0, 1, 8, 30, 15, 250));
  expect(momentMs('2026-01-01T08:60Z')).toBeUndefined();
});

test('a time of a request lies in the years 0001 to 9999', () => {
  for (const text of ['0000-12-31T23:59:59Z', '9999-12-31T23:59:59-00:01', '0001-01-01T00:00:00+00:01']) {
    expect(() => parseTimestamp(text, 'time')).toThrow(/years 0001 to 9999/);
  }
  expect(parseTimestamp('0001-01-01T00:00:00Z', 'time')).toEqual({ seconds: -62_135_596_800n, nanos: 0 });
});

import { describe, expect, it } from '@jest/globals';
import { deadlineMs } from '../../src/gateway/deadline.ts';

const LIMITS = { timeoutMs: 30_000, maxTimeoutMs: 300_000 };
const NOW = 1_000_000;
const leftMs = (headers: Readonly<Record<string, string>>, isStream = false): number | undefined => {
  const at = deadlineMs(headers, isStream, LIMITS, NOW);
  return at === undefined ? undefined : at - NOW;
};

describe('a deadline', () => {
  it.each<readonly [string, Readonly<Record<string, string>>, number]>([
    ['is the default where none is named', {}, 30_000],
    ['in seconds by Grpc-Timeout', { 'grpc-timeout': '10S' }, 10_000],
    ['in milliseconds', { 'grpc-timeout': '250m' }, 250],
    ['in microseconds', { 'grpc-timeout': '2000u' }, 2],
    ['in nanoseconds', { 'grpc-timeout': '5000000n' }, 5],
    ['in minutes', { 'grpc-timeout': '2M' }, 120_000],
    ['in hours is capped', { 'grpc-timeout': '1H' }, 300_000],
    ['of the largest value is capped', { 'grpc-timeout': '99999999H' }, 300_000],
    ['of nothing is now', { 'grpc-timeout': '0S' }, 0],
    ['in seconds by X-Request-Timeout', { 'x-request-timeout': '1.5' }, 1_500],
    ['by X-Request-Timeout is capped', { 'x-request-timeout': '4000' }, 300_000],
    ['is by Grpc-Timeout where both are named', { 'grpc-timeout': '1S', 'x-request-timeout': '9' }, 1_000],
  ])('%s', (_, headers, expected) => {
    expect(leftMs(headers)).toBeCloseTo(expected, 6);
  });

  it('is none for a stream whose caller names none, and holds where one is named', () => {
    expect(leftMs({}, true)).toBeUndefined();
    expect(leftMs({ 'grpc-timeout': '1S' }, true)).toBe(1_000);
    expect(leftMs({ 'x-request-timeout': '99999' }, true)).toBe(300_000);
  });

  it.each([
    [{ 'grpc-timeout': '' }],
    [{ 'grpc-timeout': '10' }],
    [{ 'grpc-timeout': '10s' }],
    [{ 'grpc-timeout': '-1S' }],
    [{ 'grpc-timeout': '1.5S' }],
    [{ 'grpc-timeout': '123456789S' }],
    [{ 'grpc-timeout': '1S, 2S' }],
    [{ 'x-request-timeout': '' }],
    [{ 'x-request-timeout': '-1' }],
    [{ 'x-request-timeout': '1e3' }],
    [{ 'x-request-timeout': 'NaN' }],
    [{ 'x-request-timeout': '1s' }],
  ])('that is malformed is refused: %j', (headers) => {
    expect(() => leftMs(headers)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

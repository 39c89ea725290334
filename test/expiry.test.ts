import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { afterMoment, afterRunning } from '../src/expiry.ts';

const DAY_MS = 86_400_000;

describe('afterMoment', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it.each([0.3, 1, 2.5, 3600])('calls back once when %d s are over, and not before', (seconds) => {
    const callback = jest.fn();
    afterMoment(seconds * 1000, callback);
    jest.advanceTimersByTime(seconds * 1000);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('finds within a second that the clock was set past a moment', () => {
    const callback = jest.fn();
    const other = afterMoment(400 * DAY_MS, callback);
    jest.advanceTimersByTime(10_000);
    afterMoment(100 * DAY_MS, callback);
    jest.setSystemTime(200 * DAY_MS);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1000);
    expect(callback).toHaveBeenCalledTimes(1);
    other();
  });

  it('waits on when the clock was set back', () => {
    const callback = jest.fn();
    jest.setSystemTime(DAY_MS);
    afterMoment(DAY_MS + 5000, callback);
    jest.setSystemTime(DAY_MS - 5000);
    jest.advanceTimersByTime(10_000);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('has one timer for all that wait, and calls each at its own moment', () => {
    const called: number[] = [];
    for (const atMs of [3000, 10, 2500, 10, 700]) afterMoment(atMs, () => called.push(atMs));
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(2000);
    expect(called).toEqual([10, 10, 700]);
    jest.advanceTimersByTime(501);
    expect(called).toEqual([10, 10, 700, 2500]);
    jest.advanceTimersByTime(500);
    expect(called).toEqual([10, 10, 700, 2500, 3000]);
  });

  it('calls the others though one throws, takes another back or waits anew', () => {
    const called: string[] = [];
    afterMoment(10, () => {
      takeBack();
      afterMoment(20, () => called.push('anew'));
      throw new Error('as tests do');
    });
    const takeBack = afterMoment(10, () => called.push('taken back'));
    afterMoment(10, () => called.push('beside it'));
    expect(() => jest.advanceTimersByTime(11)).toThrow('as tests do');
    jest.advanceTimersByTime(1000);
    expect(called.sort()).toEqual(['anew', 'beside it']);
  });

  it('calls back at once for a moment that is over', () => {
    const callback = jest.fn();
    afterMoment(-1, callback);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('does not call back once it is taken back', () => {
    const callback = jest.fn();
    const takeBack = afterMoment(100_000, callback);
    jest.advanceTimersByTime(50_000);
    takeBack();
    jest.advanceTimersByTime(100_000);
    expect(callback).not.toHaveBeenCalled();
  });
});

describe('afterRunning', () => {
  it('calls back once the time is over, and not before', () => {
    jest.useFakeTimers();
    const callback = jest.fn();
    afterRunning(400, callback);
    jest.advanceTimersByTime(399);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(1000);
    expect(callback).toHaveBeenCalledTimes(1);
    jest.useRealTimers();
  });

  it('does not count the time that the program was given no turn in', async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 10);
    const atTheCall = new Promise<number>((resolve) => afterRunning(400, () => resolve(turns)));
    const standing = Date.now() + 600;
    while (Date.now() < standing);
    // One timer of all the time would be the first thing to be called now.
    const counted = await atTheCall;
    clearInterval(counting);
    expect(counted).toBeGreaterThan(5);
  });

  it('does not call back once it is taken back', () => {
    jest.useFakeTimers();
    const callback = jest.fn();
    const takeBack = afterRunning(400, callback);
    jest.advanceTimersByTime(200);
    takeBack();
    jest.advanceTimersByTime(400);
    expect([callback.mock.calls, jest.getTimerCount()]).toEqual([[], 0]);
    jest.useRealTimers();
  });
});

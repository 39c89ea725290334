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

  it.each([1, 24, 25, 400])('calls back once when %d days are over, and not before', (days) => {
    const callback = jest.fn();
    afterMoment(days * DAY_MS, callback);
    jest.advanceTimersByTime(days * DAY_MS);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('calls back at once for a moment that is over', () => {
    const callback = jest.fn();
    afterMoment(-1, callback);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  it('does not call back once it is taken back', () => {
    const callback = jest.fn();
    const takeBack = afterMoment(100 * DAY_MS, callback);
    jest.advanceTimersByTime(50 * DAY_MS);
    takeBack();
    jest.advanceTimersByTime(100 * DAY_MS);
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

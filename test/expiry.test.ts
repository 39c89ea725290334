import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { afterMoment } from '../src/expiry.ts';

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

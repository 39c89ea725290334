import { type Clock, systemClock } from '../../src/backend/clock.ts';

/** Milliseconds that the clock goes on at most between two looks at it; sources look some hundred times a second. */
const MAX_STEP_MS = 200;

/**
 * A clock that stands still while the process does: a test shares its process with the backend, and a long garbage
 * collection must not look like a receiver that lost samples. Everything else is the machine's own time.
 */
export function patientClock(): Clock {
  let lastMs = systemClock.nowMs();
  let nowMs = lastMs;
  return {
    ...systemClock,
    nowMs: () => {
      const realMs = systemClock.nowMs();
      nowMs += Math.min(realMs - lastMs, MAX_STEP_MS);
      lastMs = realMs;
      return nowMs;
    },
  };
}

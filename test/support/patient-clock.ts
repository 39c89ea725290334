import { type Clock, systemClock } from '../../src/backend/clock.ts';

/** Milliseconds between two beats of a clock that is in use. */
const BEAT_MS = 10;
/**
 * Milliseconds that the clock goes on at most in one turn of the event loop: more than from beat to beat on a machine that
 * has time, and so few that the samples of it pass every socket on their way to a reader in one turn.
 */
const MAX_TURN_MS = 25;
/** Milliseconds after the last look at which a clock is out of use: no source runs that could lose anything. */
const UNUSED_MS = 2000;

/**
 * A clock that goes on no faster than the process gets round: a test shares its process with the backend, the gateway and
 * the readers, and what a busy machine holds up must not look like a receiver that lost samples or a reader that is slow.
 * Everything else is the machine's own time.
 */
export function patientClock(): Clock {
  let nowMs = systemClock.nowMs();
  let lastMs = nowMs;
  let lookedMs = nowMs;
  let leftMs = MAX_TURN_MS;
  let stopBeating: (() => void) | undefined;

  const goOn = (): number => {
    const realMs = systemClock.nowMs();
    const stepMs = Math.min(realMs - lastMs, leftMs);
    lastMs = realMs;
    leftMs -= stepMs;
    nowMs += stepMs;
    return realMs;
  };
  const beat = (): void => {
    if (goOn() - lookedMs > UNUSED_MS) {
      stopBeating?.();
      stopBeating = undefined;
    }
    // At the end of the turn, when every socket that had something has been asked.
    setImmediate(() => {
      leftMs = MAX_TURN_MS;
    }).unref();
  };
  return {
    ...systemClock,
    nowMs: () => {
      // Nobody looked for long, and so nothing was held up.
      if (stopBeating === undefined) leftMs = Number.POSITIVE_INFINITY;
      lookedMs = goOn();
      if (stopBeating === undefined) {
        leftMs = MAX_TURN_MS;
        stopBeating = systemClock.every(BEAT_MS, beat);
      }
      return nowMs;
    },
  };
}

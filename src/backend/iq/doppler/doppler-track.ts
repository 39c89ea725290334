import { DOPPLER_SHIFT } from '../../stations/ranges.ts';

// Bound once: in hot loops a global is looked up anew each time (inside a vm context, slowly).
const { ceil, max, min, round } = Math;

/** A Doppler shift of the received signal, positive when approaching, and how fast it changes. */
export interface DopplerShift {
  readonly shiftHz: number;
  readonly rateHzPerS: number;
}

/** Seconds for which the rate of a shift is trusted; after that the shift is held, lest it run away. */
export const MAX_EXTRAPOLATION_S = 60;

/** Shifts that are remembered, so that replayed frames report the one of their time. */
const MAX_REMEMBERED = 1024;

/**
 * Seconds in which the phase is turned back to whole turns when a shift of zero is set: by less than half a hertz. From
 * then on samples pass as they are.
 */
const SETTLE_S = 1;

interface Piece extends DopplerShift {
  readonly fromIndex: number;
  readonly sampleRateHz: number;
  /** Seconds for which it changes at its rate; then it is held. */
  readonly trustedS: number;
  /** Phase at `fromIndex`, in cycles. */
  readonly cycles: number;
  /** Whether it only turns the phase back to where nothing needs mixing. */
  readonly isSettling?: boolean;
}

/** Consecutive samples that are mixed with one shift, which may change evenly. */
export interface Stretch extends DopplerShift {
  /** Samples, up to the count that was asked for. */
  readonly count: number;
  readonly sampleRateHz: number;
  /** Phase at the first, in cycles. */
  readonly cycles: number;
}

/** A Doppler shift over time whose phase never jumps, whatever is set when. */
export class DopplerTrack {
  readonly #pieces: Piece[] = [];

  /** A new shift from a sample on, before which all others have begun, or never do. */
  set(shift: DopplerShift, fromIndex: number, sampleRateHz: number): void {
    const isZero = shift.shiftHz === 0 && shift.rateHzPerS === 0;
    if (this.#pieces.length === 0) {
      if (isZero) return;
      this.#pieces.push({ ...STILL, fromIndex: 0, sampleRateHz, cycles: 0 });
    }
    const cycles = this.cyclesAt(fromIndex) % 1;
    // The end of a settling, or what was set for a sample that comes later than was thought.
    while ((this.#pieces.at(-1)?.fromIndex ?? 0) > fromIndex) this.#pieces.pop();
    if (isZero) this.#settle(cycles - round(cycles), fromIndex, sampleRateHz);
    else this.#pieces.push({ ...shift, trustedS: trustedSeconds(shift), fromIndex, sampleRateHz, cycles });
    while (this.#pieces.length > MAX_REMEMBERED) this.#pieces.shift();
  }

  /** Keeps the present course when the sample rate changes. */
  retime(fromIndex: number, sampleRateHz: number): void {
    const piece = this.#pieceAt(fromIndex);
    if (piece === undefined) return;
    const trustedS = piece.trustedS - (fromIndex - piece.fromIndex) / piece.sampleRateHz;
    const rateHzPerS = trustedS > 0 ? piece.rateHzPerS : 0;
    this.set({ shiftHz: this.hzAt(fromIndex), rateHzPerS }, fromIndex, sampleRateHz);
  }

  /** The shift that was set for a sample, Hz; zero where the phase settles. */
  hzAt(index: number): number {
    const piece = this.#pieceAt(index);
    if (piece === undefined || piece.isSettling === true) return 0;
    return courseAt(piece, index);
  }

  /** The phase of the shift at a sample, in cycles. */
  cyclesAt(index: number): number {
    const piece = this.#pieceAt(index);
    if (piece === undefined) return 0;
    const seconds = (index - piece.fromIndex) / piece.sampleRateHz;
    const ramp = min(seconds, piece.trustedS);
    // The integral of a ramp that stops: a parabola, then a straight line.
    return piece.cycles + piece.shiftHz * seconds + piece.rateHzPerS * (ramp * seconds - (ramp * ramp) / 2);
  }

  /** The longest stretch from a sample on that has one course, of `count` samples at most; undefined before any shift. */
  stretchAt(index: number, count: number): Stretch | undefined {
    const at = this.#positionAt(index);
    const piece = this.#pieces[at];
    if (piece === undefined) return undefined;
    const { sampleRateHz } = piece;
    const trustedEnd = piece.fromIndex + ceil(piece.trustedS * sampleRateHz);
    const isTrusted = index < trustedEnd;
    const end = min(
      this.#pieces[at + 1]?.fromIndex ?? Number.POSITIVE_INFINITY,
      isTrusted && piece.rateHzPerS !== 0 ? trustedEnd : Number.POSITIVE_INFINITY,
    );
    const shiftHz = courseAt(piece, index);
    const rateHzPerS = isTrusted ? piece.rateHzPerS : 0;
    return { shiftHz, rateHzPerS, sampleRateHz, count: min(count, end - index), cycles: this.cyclesAt(index) % 1 };
  }

  /** Turns the rest of a turn back within SETTLE_S, then leaves the samples alone. */
  #settle(cycles: number, fromIndex: number, sampleRateHz: number): void {
    const still = { ...STILL, sampleRateHz, cycles: 0 };
    if (cycles === 0) {
      this.#pieces.push({ ...still, fromIndex });
      return;
    }
    const samples = ceil(SETTLE_S * sampleRateHz);
    const shiftHz = (-cycles * sampleRateHz) / samples;
    this.#pieces.push({ ...STILL, shiftHz, fromIndex, sampleRateHz, cycles, isSettling: true });
    this.#pieces.push({ ...still, fromIndex: fromIndex + samples });
  }

  #pieceAt(index: number): Piece | undefined {
    return this.#pieces[this.#positionAt(index)];
  }

  #positionAt(index: number): number {
    // The newest first: that is the one asked for, but for replays.
    let at = this.#pieces.length - 1;
    while (at > 0 && (this.#pieces[at]?.fromIndex ?? 0) > index) at--;
    return at;
  }
}

const STILL = { shiftHz: 0, rateHzPerS: 0, trustedS: MAX_EXTRAPOLATION_S };

/** Seconds for which a rate is trusted: until it would lead beyond what is taken for a shift. */
function trustedSeconds({ shiftHz, rateHzPerS }: DopplerShift): number {
  if (rateHzPerS === 0) return MAX_EXTRAPOLATION_S;
  const roomHz = rateHzPerS > 0 ? DOPPLER_SHIFT.max - shiftHz : shiftHz - DOPPLER_SHIFT.min;
  return min(MAX_EXTRAPOLATION_S, max(0, roomHz / Math.abs(rateHzPerS)));
}

/** The shift of a piece at a sample, Hz. */
function courseAt(piece: Piece, index: number): number {
  const seconds = max(0, (index - piece.fromIndex) / piece.sampleRateHz);
  return piece.shiftHz + piece.rateHzPerS * min(seconds, piece.trustedS);
}

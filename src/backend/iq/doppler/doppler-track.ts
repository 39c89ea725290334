// Bound once: in hot loops a global is looked up anew each time (inside a vm context, slowly).
const { cos, max, min, sin } = Math;
const TURN = 2 * Math.PI;

/** A Doppler shift of the received signal, positive when approaching, and how fast it changes. */
export interface DopplerShift {
  readonly shiftHz: number;
  readonly rateHzPerS: number;
}

/** Seconds for which the rate of a shift is trusted; after that the shift is held, lest it run away. */
export const MAX_EXTRAPOLATION_S = 60;

/** Shifts that are remembered, so that replayed frames report the one of their time. */
const MAX_REMEMBERED = 1024;

interface Piece extends DopplerShift {
  readonly fromIndex: number;
  readonly sampleRateHz: number;
  /** Phase at `fromIndex`, in cycles. */
  readonly cycles: number;
}

/** A Doppler shift over time whose phase never jumps, whatever is set when. */
export class DopplerTrack {
  readonly #pieces: Piece[] = [];

  /** True until a shift other than zero is set. */
  get isIdle(): boolean {
    return this.#pieces.length === 0;
  }

  /** A new shift from a sample on; indices never go back from call to call. */
  set(shift: DopplerShift, fromIndex: number, sampleRateHz: number): void {
    if (this.isIdle) {
      if (shift.shiftHz === 0 && shift.rateHzPerS === 0) return;
      this.#pieces.push({ shiftHz: 0, rateHzPerS: 0, fromIndex: 0, sampleRateHz, cycles: 0 });
    }
    const cycles = this.cyclesAt(fromIndex) % 1;
    this.#pieces.push({ ...shift, fromIndex, sampleRateHz, cycles });
    if (this.#pieces.length > MAX_REMEMBERED) this.#pieces.shift();
  }

  /** Keeps the present course when the sample rate changes. */
  retime(fromIndex: number, sampleRateHz: number): void {
    const piece = this.#pieceAt(fromIndex);
    if (piece === undefined) return;
    const trustedS = MAX_EXTRAPOLATION_S - (fromIndex - piece.fromIndex) / piece.sampleRateHz;
    const rateHzPerS = trustedS > 0 ? piece.rateHzPerS : 0;
    this.set({ shiftHz: this.hzAt(fromIndex), rateHzPerS }, fromIndex, sampleRateHz);
  }

  /** The shift at a sample, Hz. */
  hzAt(index: number): number {
    const piece = this.#pieceAt(index);
    if (piece === undefined) return 0;
    const seconds = max(0, (index - piece.fromIndex) / piece.sampleRateHz);
    return piece.shiftHz + piece.rateHzPerS * min(seconds, MAX_EXTRAPOLATION_S);
  }

  /** The phase of the shift at a sample, in cycles. */
  cyclesAt(index: number): number {
    const piece = this.#pieceAt(index);
    if (piece === undefined) return 0;
    const seconds = (index - piece.fromIndex) / piece.sampleRateHz;
    const ramp = min(seconds, MAX_EXTRAPOLATION_S);
    // The integral of a ramp that stops: a parabola, then a straight line.
    return piece.cycles + piece.shiftHz * seconds + piece.rateHzPerS * (ramp * seconds - (ramp * ramp) / 2);
  }

  /** Mixes interleaved samples with the negative of the shift, in place. */
  correct(sampleIndex: number, samples: Float32Array): void {
    for (let i = 0; i < samples.length; i += 2) {
      const angle = -TURN * (this.cyclesAt(sampleIndex + i / 2) % 1);
      const c = cos(angle);
      const s = sin(angle);
      const re = samples[i] ?? 0;
      const im = samples[i + 1] ?? 0;
      samples[i] = re * c - im * s;
      samples[i + 1] = re * s + im * c;
    }
  }

  #pieceAt(index: number): Piece | undefined {
    // The newest first: that is the one asked for, but for replays.
    for (let i = this.#pieces.length - 1; i >= 0; i--) {
      const piece = this.#pieces[i];
      if (piece !== undefined && (piece.fromIndex <= index || i === 0)) return piece;
    }
    return undefined;
  }
}

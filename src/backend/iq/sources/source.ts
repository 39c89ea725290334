import type { Datatype } from '../formats.ts';

/** Where a source listens. */
export interface Tuning {
  /** Complex samples per second. */
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
}

/** A Doppler shift of the received signal, positive when approaching, and how fast it changes. */
export interface DopplerShift {
  readonly shiftHz: number;
  readonly rateHzPerS: number;
}

/** Consecutive samples as a source made them. */
export interface SampleBlock extends Tuning {
  /**
   * Number of the first sample. A block whose index is greater than the end of the block before says that the samples
   * between were never made: a gap.
   */
  readonly sampleIndex: number;
  /** Time of the first sample, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly timestampNs: bigint;
  /** Whole samples in the source's datatype; only good until the receiver returns. */
  readonly bytes: Uint8Array;
}

/** What makes a station's samples. */
export interface Source {
  /** Kind of source, as StationService names it. */
  readonly kind: 'sim' | 'sigmf';
  readonly datatype: Datatype;
  readonly tuning: Tuning;
  /** Signal-to-noise ratio in dB where the source knows it. */
  readonly snrDb: number | undefined;
  /** The index that the next sample gets if it is made now. It never goes back. */
  nextIndex(): number;
  /** Begins to deliver blocks, in order of their index and without overlap. */
  start(deliver: (block: SampleBlock) => void): void;
  /** Delivers nothing more. Its sample index goes on, so that a later start leaves an honest gap. */
  stop(): void;
  /**
   * Listens elsewhere or at another rate from the next sample on.
   *
   * @throws PassbandError FAILED_PRECONDITION when this source cannot, with the reason.
   */
  tune(tuning: Tuning): void;
  /**
   * Mixes the samples with the negative of this shift from the next sample on.
   *
   * @throws PassbandError FAILED_PRECONDITION when this source cannot, with the reason.
   */
  correctDoppler(shift: DopplerShift): void;
  /** The shift that was corrected at a sample, Hz. */
  dopplerHzAt(sampleIndex: number): number;
}

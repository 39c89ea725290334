import type { PassbandError } from '../../../errors.ts';
import type { Datatype } from '../formats.ts';

/** Kinds of source, as StationService names them. */
export type SourceKind = 'sim' | 'sigmf' | 'rtl_tcp' | 'zmq' | 'push';

/** A source of a kind as sentences have it: "an rtl_tcp source", "a sim source". */
export const aSource = (kind: SourceKind): string => `${kind === 'rtl_tcp' ? 'an' : 'a'} ${kind} source`;

/** Samples in one block at most: bounds the memory of a source (512 KiB of cf32) and the time one block takes. */
export const MAX_BLOCK_SAMPLES = 65_536;

/** Where a source listens. */
export interface Tuning {
  /** Complex samples per second. */
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
}

/** What a receiver has in front of its samples; absent members stay as they are. */
export interface FrontEnd {
  /** Gain in dB, or the receiver's own control. */
  readonly gainDb?: number | 'automatic';
  /** Correction of the oscillator, parts per million. */
  readonly frequencyCorrectionPpm?: number;
}

/** How samples were received, where the source knows it. */
export interface Reception {
  /** Signal-to-noise ratio in dB. */
  readonly snrDb?: number;
  /** Received power in dBm. */
  readonly receivePowerDbm?: number;
  /** Whether the automatic gain control is locked. */
  readonly agcLocked?: boolean;
  /** Doppler shift that the source has corrected already, Hz. */
  readonly dopplerShiftHz?: number;
}

/** Consecutive samples as a source made them. */
export interface SampleBlock extends Tuning {
  /**
   * Number of the first sample. A block whose index is greater than the end of the block before says that the samples
   * between were never made, or lost on their way here: a gap.
   */
  readonly sampleIndex: number;
  /** Time of the first sample, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly timestampNs: bigint;
  /**
   * Whole samples in the source's datatype, beginning at a multiple of the size of an I; only good until the receiver
   * returns, who writes nothing to them.
   */
  readonly bytes: Uint8Array;
  readonly reception?: Reception;
  /** Numbers (I or Q) that did not fit the source's datatype and were saturated; none unless told. */
  readonly saturatedValues?: number;
}

/** Who takes what a source makes. */
export interface SourceSink {
  /** Blocks come in order of their index and without overlap. */
  samples(block: SampleBlock): void;
  /** No samples can come for now: the reason, UNAVAILABLE, which is also the source's `fault` until they come again. */
  failed(fault: PassbandError): void;
  /**
   * About so many samples seem to be missing before now, by the clock alone: they are in no gap, for where they are
   * missing, and how many, is not known.
   */
  suspected?(samples: number): void;
  /** The samples are at their end, in good order; a later start begins anew. The source is to be stopped. */
  ended?(): void;
}

/**
 * What makes a station's samples. A source that fails tries again by itself, for as long as it is started: its readers
 * are told once, by `failed`, and the next block is the sign that it is well again.
 */
export interface Source {
  readonly kind: SourceKind;
  /** Whether it may find nobody at the other end: whether it works then shows after it was started. */
  readonly connects: boolean;
  readonly datatype: Datatype;
  readonly tuning: Tuning;
  /** Why no samples can come at present; undefined while nothing is known to be wrong. */
  readonly fault: PassbandError | undefined;
  /** True for what only stands for a source that could not be opened: all that it tells is its `fault`. */
  readonly isAbsent?: boolean;
  /** Common name of the remote producer that is connected; undefined for sources of our own. */
  readonly producer?: string | undefined;
  /**
   * The index that the next sample gets if it is made now. It never goes back, but where samples come again after a fault
   * with a count of their sender's that says that fewer were made than the clock told.
   */
  nextIndex(): number;
  /** Begins to deliver. */
  start(sink: SourceSink): void;
  /** Delivers nothing more. Its sample index goes on, so that a later start leaves an honest gap. */
  stop(): void;
  /**
   * Listens elsewhere or at another rate from the next sample on, and sets the front end.
   *
   * @throws PassbandError FAILED_PRECONDITION when this source cannot, with the reason; nothing has changed then.
   */
  tune(tuning: Tuning, frontEnd: FrontEnd): void;
  /** Lets go of everything, for good; called once, after stop. */
  close(): void;
}

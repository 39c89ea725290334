import type { PassbandError } from '../../../errors.ts';
import type { StationMetrics } from '../../stations/station-metrics.ts';
import type { Datatype } from '../formats.ts';
import type { SampleRing } from '../ring/ring.ts';
import type { Reception } from '../sources/source.ts';
import type { FrameLayout } from './frame-layout.ts';
import type { FrameShelves } from './frame-shelves.ts';

/** Why a tap ended: the station was stopped, its source came to its end (both in good order), or an error. */
export type EndReason = 'stopped' | 'ended' | PassbandError;

/** How far a reader has come. */
export interface ReadProgress {
  /** Index of the sample that it takes next. */
  readonly position: number;
  /** It has taken all that there was for it, and looks for more. */
  readonly isWaiting: boolean;
}

/** One who follows samples as they come. */
export interface Tap {
  /** Common name of the certificate to whose share of the readers it counts; without one it counts to nobody's. */
  readonly holder?: string | undefined;
  /** Samples were added to the ring. */
  onSamples(): void;
  /** Nothing more will come; called once at most. */
  onEnd(reason: EndReason): void;
  /** Readers that this tap stands for; one unless told. */
  readerCount?(): number;
  /** How far it has come; who does not tell, or has not begun, is not waited for. */
  progress?(): ReadProgress | undefined;
}

/** Where frames come from: a station's samples as they are, or a tuned and decimated part of them. */
export interface FrameOrigin {
  readonly stationId: string;
  readonly epoch: bigint;
  /** Of the samples in the ring. */
  readonly datatype: Datatype;
  readonly ring: SampleRing;
  readonly shelves: FrameShelves;
  /** Of the station. */
  readonly metrics: StationMetrics;
  /** How its samples fall into frames of a batch size. */
  layout(batchSize: number): FrameLayout;
  /** The index that the next sample gets if it is made now. */
  nextIndex(): number;
  /** How a sample was received, the Doppler shift that was corrected here included. */
  receptionAt(sampleIndex: number): Reception;
  /** Joins; returns how to leave. @throws PassbandError when there is no room, or no samples can come. */
  join(tap: Tap): () => void;
  /** A reader has read on, or looked for more: to be told where an origin waits for its readers. */
  readOn?(): void;
}

import { frameEnd, frameFrom } from './frame-layout.ts';
import type { FrameOrigin } from './frame-origin.ts';

/** Where reading begins. */
export type ReadFrom =
  /** With the next frame. */
  | { readonly kind: 'live' }
  /** With the oldest frame that is held. */
  | { readonly kind: 'earliest' }
  /** With the frame after this sequence number, which counts in this epoch (in the present one where none is named). */
  | { readonly kind: 'after'; readonly sequence: bigint; readonly epoch?: bigint }
  /** With the frame that holds this sample, or the next one that is. */
  | { readonly kind: 'index'; readonly sampleIndex: number }
  /** With the frame that holds the first sample at or after this time, nanoseconds since 1970-01-01T00:00:00Z. */
  | { readonly kind: 'time'; readonly timestampNs: bigint };

/** A position between two frames. */
export interface FramePosition {
  /** Number of the frame that should come next. */
  readonly sequence: number;
  /** Index of the sample that should come next: what lies between it and the first that does come is lost. */
  readonly sampleIndex: number;
}

/** The position at which a reader of frames begins. Only who names one that is no longer held has lost something. */
export function beginAt(origin: FrameOrigin, from: ReadFrom, batchSize: number): FramePosition {
  const { runs } = origin.ring;
  const live = Math.ceil(origin.nextIndex() / batchSize);
  const at = (sequence: number): FramePosition => ({ sequence, sampleIndex: sequence * batchSize });
  const held = (sequence: number): FramePosition => {
    const span = frameFrom(runs, sequence, batchSize);
    return span === undefined ? at(Math.max(sequence, live)) : { sequence: span.sequence, sampleIndex: span.start };
  };
  switch (from.kind) {
    case 'live':
      return at(live);
    case 'earliest':
      return held(0);
    case 'index':
      return from.sampleIndex >= origin.nextIndex() ? at(live) : atSample(origin, from.sampleIndex, batchSize);
    case 'time': {
      const index = origin.ring.indexAt(from.timestampNs);
      return index === undefined ? at(live) : atSample(origin, index, batchSize);
    }
    case 'after': {
      if (from.epoch !== undefined && from.epoch !== origin.epoch) return held(0);
      const wanted = from.sequence + 1n;
      // Beyond all samples made so far: no number that was given out.
      if (wanted * BigInt(batchSize) > BigInt(origin.nextIndex())) return at(live);
      return { sequence: Number(wanted), sampleIndex: frameEnd(runs, Number(wanted) - 1, batchSize) };
    }
  }
}

/** The frame that holds a sample: not always the one of its number, beside a gap. */
function atSample({ ring }: FrameOrigin, sampleIndex: number, batchSize: number): FramePosition {
  let span = frameFrom(ring.runs, Math.floor(sampleIndex / batchSize), batchSize);
  if (span !== undefined && span.end <= sampleIndex) span = frameFrom(ring.runs, span.sequence + 1, batchSize);
  const sequence = span?.sequence ?? Math.floor(sampleIndex / batchSize);
  return { sequence, sampleIndex: span?.start ?? sequence * batchSize };
}

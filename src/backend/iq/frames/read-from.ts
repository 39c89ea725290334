import type { FrameLayout } from './frame-layout.ts';
import type { FrameOrigin } from './frame-origin.ts';
import type { FramePosition } from './run-frames.ts';

/** Where reading begins. */
export type ReadFrom =
  /** With the next frame. */
  | { readonly kind: 'live' }
  /** With the oldest frame that is held. */
  | { readonly kind: 'earliest' }
  /** With the frame after this sequence number, which counts in this epoch (in the present one where none is named). */
  | { readonly kind: 'after'; readonly sequence: bigint; readonly epoch?: bigint }
  /** At a position that is known from elsewhere. */
  | { readonly kind: 'position'; readonly position: FramePosition }
  /** With the frame that holds the first sample at or after this time, nanoseconds since 1970-01-01T00:00:00Z. */
  | { readonly kind: 'time'; readonly timestampNs: bigint };

/** The position at which a reader of frames begins. Only who names one that is no longer held has lost something. */
export function beginAt(origin: FrameOrigin, from: ReadFrom, layout: FrameLayout): FramePosition {
  const live = layout.live(origin.nextIndex());
  /** With the first frame from a number on that is held, or else where that is going to be. */
  const held = (sequence: number, otherwise: FramePosition): FramePosition => {
    const span = layout.from(sequence);
    return span === undefined ? otherwise : { sequence: span.sequence, sampleIndex: span.start };
  };
  switch (from.kind) {
    case 'live':
      return live;
    case 'earliest':
      return held(0, live);
    case 'position':
      return from.position;
    case 'time': {
      const index = origin.ring.indexAt(from.timestampNs);
      const position = index === undefined ? undefined : layout.at(index);
      return position === undefined ? live : held(position.sequence, position);
    }
    case 'after': {
      if (from.epoch !== undefined && from.epoch !== origin.epoch) return held(0, live);
      const wanted = from.sequence + 1n;
      // Beyond all samples made so far: no number that was given out.
      if (wanted > BigInt(live.sequence)) return live;
      return { sequence: Number(wanted), sampleIndex: layout.endOf(Number(wanted) - 1) };
    }
  }
}

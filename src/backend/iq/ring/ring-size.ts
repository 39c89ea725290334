import { BATCH_SIZE } from '../../stations/ranges.ts';
import type { RingConfig } from '../../stations/station-config.ts';
import { bytesPerSample, type Datatype } from '../formats.ts';

/** Seconds of samples a ring holds: what a reader may lag, or be away and still resume without loss. */
export const DEFAULT_RING_SECONDS = 5;
/** Bytes of one ring at most, whatever the rate. */
export const DEFAULT_RING_BYTES = 64 * 1024 * 1024;

/** Frames that a ring has room for: one that is read, its neighbours beside a gap, and what the source adds meanwhile. */
const MIN_RING_FRAMES = 4;
/** Samples of one ring at least, unless its bytes forbid: so that slow stations can fill the longest frame. */
const MIN_RING_SAMPLES = MIN_RING_FRAMES * BATCH_SIZE.max;

/** Samples that a ring holds at a sample rate. */
export function ringCapacity(sampleRateHz: number, datatype: Datatype, ring: RingConfig = {}): number {
  const wanted = Math.max(Math.ceil(sampleRateHz * (ring.seconds ?? DEFAULT_RING_SECONDS)), MIN_RING_SAMPLES);
  return Math.min(wanted, largestRing(datatype, ring));
}

/** Samples of the longest frame that a ring can serve, whatever its rate becomes. */
export function longestFrame(datatype: Datatype, ring: RingConfig = {}): number {
  return Math.min(BATCH_SIZE.max, Math.floor(largestRing(datatype, ring) / MIN_RING_FRAMES));
}

/** Samples that a ring holds at most, whatever its rate becomes. */
export function largestRing(datatype: Datatype, ring: RingConfig): number {
  return Math.floor((ring.bytes ?? DEFAULT_RING_BYTES) / bytesPerSample(datatype));
}

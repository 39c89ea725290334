import type { Station } from '../../stations/station.ts';
import type { FrameOrigin, Tap } from '../frames/frame-origin.ts';
import type { TunedBand } from '../tuned/tuned-band.ts';
import type { Wanted } from './download-request.ts';
import { startIndex } from './start-position.ts';

/** What a download reads. */
export interface DownloadOrigin {
  /** The station's samples, or those of a part of its band. */
  readonly origin: FrameOrigin;
  /** Index of the sample with which it begins. */
  readonly index: number;
  leave(): void;
}

/** One who wants the station's samples to be there and does not read them. */
const NOBODY: Tap = { onSamples: () => {}, onEnd: () => {}, readerCount: () => 0 };

/**
 * Joins what a download reads.
 *
 * @throws PassbandError OUT_OF_RANGE where its first sample is not held, or for what cannot be joined now.
 */
export function joinOrigin(station: Station, wanted: Pick<Wanted, 'band' | 'from'>, tap: Tap): DownloadOrigin {
  const { hub } = station;
  const { band, from } = wanted;
  // Where the present is, is known when the source runs.
  const leave = hub.join(band === undefined ? tap : NOBODY);
  let isRead = false;
  try {
    if (band !== undefined) return joinPart(station, band, from, tap);
    const oldest = hub.ring.runs[0]?.start ?? hub.source.nextIndex();
    const index = startIndex(hub, from, { decimation: 1, oldest });
    isRead = true;
    return { origin: hub, index, leave };
  } finally {
    if (!isRead) leave();
  }
}

function joinPart({ hub, tuned }: Station, band: TunedBand, from: Wanted['from'], tap: Tap): DownloadOrigin {
  const index = startIndex(hub, from, { decimation: band.decimation, oldest: tuned.oldestOutput(band) });
  const origin = from.kind === 'live' ? tuned.live(band) : tuned.from(band, index);
  return { origin, index, leave: origin.join(tap) };
}

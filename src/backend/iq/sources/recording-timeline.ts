import { samplesNs } from '../../../sigmf/samples-ns.ts';
import type { Segment } from '../../../sigmf/segments.ts';
import { LAST_INDEX } from './index-clock.ts';

/** Seconds that a gap of a recording lasts when it is played at most; the sample index still jumps by all of it. */
export const MAX_PLAYED_GAP_S = 10;

/** What is at a place of the playing. */
export interface Place {
  /** Samples that follow one another from here on; 0 in a gap. */
  readonly samples: number;
  /** Playing samples until what is next: the end of these samples, or of the gap. */
  readonly until: number;
  /** Index of the sample that is here; in a gap, of the first after it. */
  readonly index: number;
  /** Its number among the samples of the file. */
  readonly ordinal: number;
  readonly frequencyHz: number;
  /** Its time; undefined where the recording states none. */
  readonly timestampNs: bigint | undefined;
}

interface Played extends Segment {
  /** Where it begins in the playing of a round, and among the samples of the file. */
  readonly at: number;
  readonly ordinal: number;
}

/**
 * A recording over and over, by place: place n is due n sample times after the beginning. It differs from the sample index
 * where a gap is played shorter than it is.
 */
export class RecordingTimeline {
  readonly #rateHz: number;
  readonly #played: readonly Played[];
  /** Places, and samples of the index, that a round has. */
  readonly roundPlaces: number;
  /** Places there are, in whole rounds: behind them a sample index is not exact any more. */
  readonly end: number;
  readonly #roundSamples: number;
  readonly #roundNs: bigint;

  constructor(segments: readonly Segment[], rateHz: number) {
    this.#rateHz = rateHz;
    const maxGap = Math.ceil(MAX_PLAYED_GAP_S * rateHz);
    const played: Played[] = [];
    let at = 0;
    let ordinal = 0;
    let end = 0;
    for (const segment of segments) {
      at += Math.min(segment.index - end, maxGap);
      played.push({ ...segment, at, ordinal });
      at += segment.samples;
      ordinal += segment.samples;
      end = segment.index + segment.samples;
    }
    this.#played = played;
    this.roundPlaces = at;
    this.#roundSamples = end;
    this.end = Math.floor(LAST_INDEX / end) * at;
    this.#roundNs = this.#lengthNs();
  }

  at(place: number): Place {
    const round = Math.floor(place / this.roundPlaces);
    const into = place - round * this.roundPlaces;
    const { played, number } = this.#segmentAt(into);
    const rest = played.samples - (into - played.at);
    if (rest > 0) return this.#placeIn(played, into - played.at, round, rest, rest);
    // Behind its end: in the gap before the next, which there is, for a round ends with samples.
    const next = this.#played[number + 1] ?? played;
    return this.#placeIn(next, 0, round, 0, next.at - into);
  }

  #placeIn(segment: Played, into: number, round: number, samples: number, until: number): Place {
    const { timestampNs } = segment;
    return {
      samples,
      until,
      index: round * this.#roundSamples + segment.index + into,
      ordinal: segment.ordinal + into,
      frequencyHz: segment.frequencyHz,
      timestampNs:
        timestampNs === undefined
          ? undefined
          : timestampNs + samplesNs(into, this.#rateHz) + BigInt(round) * this.#roundNs,
    };
  }

  /** The last segment that begins at or before a place of a round. */
  #segmentAt(into: number): { readonly played: Played; readonly number: number } {
    let low = 0;
    let high = this.#played.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#played[middle]?.at ?? 0) <= into) low = middle;
      else high = middle - 1;
    }
    const played = this.#played[low];
    if (played === undefined) throw new RangeError('a recording without samples');
    return { played, number: low };
  }

  /** A round later all times are later by this: from the first sample to the end of the last. */
  #lengthNs(): bigint {
    const first = this.#played[0]?.timestampNs;
    const last = this.#played.at(-1);
    if (first === undefined || last?.timestampNs === undefined) return samplesNs(this.#roundSamples, this.#rateHz);
    const length = last.timestampNs + samplesNs(last.samples, this.#rateHz) - first;
    return length > 0n ? length : samplesNs(this.#roundSamples, this.#rateHz);
  }
}

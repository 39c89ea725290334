import { PassbandError } from '../../../errors.ts';
import { decimationNeeds } from '../../dsp/decimation-plan.ts';
import type { FrameOrigin } from '../frames/frame-origin.ts';
import type { ReadFrom } from '../frames/read-from.ts';
import type { FramePosition } from '../frames/run-frames.ts';
import type { StationHub } from '../hub.ts';
import { FilterBudget } from './filter-budget.ts';
import { rateSince } from './first-input.ts';
import { firstOutput, PartNumbering } from './part-numbering.ts';
import type { TunedBand } from './tuned-band.ts';
import { TunedStream } from './tuned-stream.ts';

/** Parts of one station's band that are filtered at a time: each has a ring of up to 16 MiB. */
const MAX_TUNED_STREAMS = 16;

/** Real multiplications per second that the filters of all stations may cost together: most of a core, and they have one. */
export const MAX_FILTER_COST = 600_000_000;

const ALL_FILTERS = new FilterBudget(MAX_FILTER_COST);

/** The parts of one station's band that are filtered at the moment. */
export class TunedStreams {
  readonly #hub: StationHub;
  readonly #streams = new Set<TunedStream>();
  readonly #budget: FilterBudget;

  /** @param budget of all stations together. */
  constructor(hub: StationHub, budget = ALL_FILTERS) {
    this.#hub = hub;
    this.#budget = budget;
  }

  /**
   * What a reader of frames of a part of the band reads from, and where it begins there: streams of such parts may have
   * just begun to be computed, so that they cannot tell where the past lies.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when the filters would cost too much, or what joining the hub throws.
   */
  open(band: TunedBand, from: ReadFrom, batchSize: number): { readonly origin: FrameOrigin; readonly from: ReadFrom } {
    const position = this.#position(band, from, batchSize);
    const begin: ReadFrom = position === undefined ? { kind: 'live' } : { kind: 'position', position };
    return { origin: this.#kept(band, position?.sampleIndex), from: begin };
  }

  /**
   * The next samples of a part of the band, for readers that never ask for past ones: it ends with the last of them.
   *
   * @throws PassbandError as {@link open} does.
   */
  live(band: TunedBand): FrameOrigin {
    return this.#stream(band, undefined);
  }

  /**
   * The samples of a part of the band from one on, for readers of samples: it ends with the last of them.
   *
   * @throws PassbandError as {@link open} does.
   */
  from(band: TunedBand, sampleIndex: number): FrameOrigin {
    return this.#stream(band, sampleIndex);
  }

  /** The oldest sample of a part of the band that can be computed from what the station holds; the next one where it holds none. */
  oldestOutput({ decimation }: TunedBand): number {
    const { ring, source } = this.#hub;
    const since = rateSince(ring.runs, source.tuning.sampleRateHz);
    const oldestHeld = Math.max(since, ring.runs[0]?.start ?? this.#hub.nextIndex());
    return firstOutput(oldestHeld, { decimation, ...decimationNeeds(decimation) });
  }

  /** Where a reader wants to begin; undefined for the next frame that is made. */
  #position(band: TunedBand, from: ReadFrom, batchSize: number): FramePosition | undefined {
    const { ring, epoch } = this.#hub;
    const { decimation } = band;
    const numbering = new PartNumbering(this.#hub, { decimation, ...decimationNeeds(decimation) }, batchSize);
    switch (from.kind) {
      case 'live':
        return undefined;
      case 'position':
        return from.position;
      case 'earliest':
        return numbering.at(this.oldestOutput(band));
      case 'time': {
        const index = ring.indexAt(from.timestampNs);
        return index === undefined
          ? undefined
          : numbering.at(Math.max(Math.ceil(index / decimation), this.oldestOutput(band)));
      }
      case 'after': {
        if (from.epoch !== undefined && from.epoch !== epoch) return numbering.at(this.oldestOutput(band));
        const next = numbering.live(Math.ceil(this.#hub.nextIndex() / decimation)).sequence;
        if (from.sequence >= BigInt(next)) return undefined;
        const sequence = Number(from.sequence);
        return { sequence: sequence + 1, sampleIndex: numbering.endOf(sequence) };
      }
    }
  }

  #kept(band: TunedBand, wanted: number | undefined): TunedStream {
    const stream = this.#stream(band, wanted);
    stream.keep();
    return stream;
  }

  /** The stream of a part of the band: one that runs already where it reaches back as far as is wanted and possible. */
  #stream(band: TunedBand, wanted: number | undefined): TunedStream {
    const possible = this.oldestOutput(band);
    const needed = wanted === undefined ? Number.POSITIVE_INFINITY : Math.max(wanted, possible);
    const running = [...this.#streams].filter((stream) => {
      const { offsetHz, decimation } = stream.band;
      const isSame = offsetHz === band.offsetHz && decimation === band.decimation;
      return isSame && !stream.isEnding && stream.oldestIndex <= needed;
    });
    // Who wants the present does not wait for those who read the past, where there is another way.
    const [shared] = wanted === undefined ? running.filter(({ replays }) => !replays) : running;
    if (shared !== undefined) return shared;
    if (!this.#hasRoom(decimationNeeds(band.decimation).cost * this.#hub.source.tuning.sampleRateHz)) {
      const [behind] = running;
      if (behind !== undefined) return behind;
      throw new PassbandError(
        'RESOURCE_EXHAUSTED',
        'as many parts of bands are filtered as can be; ask for one that others read too, for another output_rate or span_hz, or try later',
      );
    }
    const stream = new TunedStream(this.#hub, band, () => {
      this.#streams.delete(stream);
      leaveBudget();
    });
    this.#streams.add(stream);
    const leaveBudget = this.#budget.add(stream);
    // Only now: it may be over at once.
    stream.begin(wanted);
    return stream;
  }

  #hasRoom(cost: number): boolean {
    const idle = [...this.#streams].find(({ isIdle }) => isIdle);
    // First what ends no filter of another station.
    if (this.#streams.size >= MAX_TUNED_STREAMS && idle === undefined) return false;
    if (!this.#budget.makeRoom(cost)) return false;
    if (this.#streams.size >= MAX_TUNED_STREAMS) idle?.release();
    return true;
  }
}

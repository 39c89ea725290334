import { PassbandError } from '../../errors.ts';
import type { EndReason } from '../iq/frames/frame-origin.ts';
import type { Station } from '../stations/station.ts';
import { encodeSpectrum } from './encode.ts';
import { endIndex, type Measurement } from './measurement.ts';
import { SpectrumMeter } from './meter.ts';
import type { SpectrumPlan } from './plan.ts';

/**
 * Distinct streams of spectra of all stations at a time. Each costs two transformed points a sample at most, which is what
 * overlapping segments of every sample take.
 */
const MAX_FEEDS = 256;

/** One who wants the spectra of a feed. */
export interface SpectrumReader {
  /** Common name of its certificate. The one that a feed begins for has it in its share of the station's readers. */
  readonly holder: string;
  /** An encoded SpectrumData without sequence number; nobody may change it. */
  onSpectrum(message: Buffer): void;
  onEnd(reason: EndReason): void;
}

/** Spectra of one plan at a steady rate, computed once for all who want the same. Runs from the first to the last reader. */
class SpectrumFeed {
  readonly #station: Station;
  readonly #plan: SpectrumPlan;
  readonly #readers = new Set<SpectrumReader>();
  readonly #onOver: () => void;
  readonly #meter: SpectrumMeter;

  constructor(station: Station, plan: SpectrumPlan, holder: string, onOver: () => void) {
    this.#station = station;
    this.#plan = plan;
    this.#onOver = onOver;
    this.#meter = new SpectrumMeter(station, plan, {
      holder,
      onMeasurement: (measurement) => this.#take(measurement),
      onEnd: (reason) => this.#end(reason),
      readerCount: () => this.#readers.size,
    });
  }

  add(reader: SpectrumReader): void {
    this.#readers.add(reader);
  }

  remove(reader: SpectrumReader): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#end('stopped');
  }

  #take(result: Measurement): void {
    let message: Buffer;
    try {
      message = encodeSpectrum(this.#station, this.#plan, result);
    } catch (error) {
      this.#end(PassbandError.from(error));
      return;
    }
    // A spectrum that needs more samples than one period brings follows on the one before; one that fell behind the
    // newest samples goes on with them.
    const period = Math.round(result.sampleRateHz / this.#plan.rateHz);
    const wanted = Math.max(result.sampleIndex + period, endIndex(result, this.#plan));
    const { head } = this.#meter;
    this.#meter.next(wanted < head - period ? head : wanted);
    for (const reader of [...this.#readers]) reader.onSpectrum(message);
  }

  #end(reason: EndReason): void {
    this.#meter.close();
    this.#onOver();
    const readers = [...this.#readers];
    this.#readers.clear();
    for (const reader of readers) reader.onEnd(reason);
  }
}

/** The feeds that run at the moment. */
export class SpectrumFeeds {
  readonly #feeds = new Map<string, SpectrumFeed>();

  /**
   * Joins the feed of this plan, which begins with its first reader; returns how to leave.
   *
   * @throws PassbandError RESOURCE_EXHAUSTED when MAX_FEEDS run already, or what joining the hub throws.
   */
  join(station: Station, plan: SpectrumPlan, reader: SpectrumReader): () => void {
    const key = `${station.id} ${JSON.stringify(plan)}`;
    let feed = this.#feeds.get(key);
    if (feed === undefined) {
      if (this.#feeds.size >= MAX_FEEDS) {
        throw new PassbandError(
          'RESOURCE_EXHAUSTED',
          `${MAX_FEEDS} different streams of spectra run already; ask for one of them or try again later`,
        );
      }
      feed = new SpectrumFeed(station, plan, reader.holder, () => this.#feeds.delete(key));
      this.#feeds.set(key, feed);
    }
    const joined = feed;
    joined.add(reader);
    return () => joined.remove(reader);
  }
}

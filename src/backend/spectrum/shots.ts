import { PassbandError } from '../../errors.ts';
import type { EndReason } from '../iq/frames/frame-origin.ts';
import type { Station } from '../stations/station.ts';
import { encodeSpectrum } from './encode.ts';
import type { Measurement } from './measurement.ts';
import { SpectrumMeter } from './meter.ts';
import type { SpectrumPlan } from './plan.ts';

/** One who waits for a spectrum. */
interface Waiter {
  readonly resolve: (message: Buffer) => void;
  readonly reject: (reason: PassbandError) => void;
}

/** One spectrum that is measured, for all who asked for it meanwhile. */
class SpectrumShot {
  readonly #station: Station;
  readonly #plan: SpectrumPlan;
  readonly #waiters = new Set<Waiter>();
  readonly #onOver: () => void;
  readonly #meter: SpectrumMeter;

  /** @throws PassbandError what joining the station throws. */
  constructor(station: Station, plan: SpectrumPlan, holder: string, onOver: () => void) {
    this.#station = station;
    this.#plan = plan;
    this.#onOver = onOver;
    this.#meter = new SpectrumMeter(station, plan, {
      holder,
      onMeasurement: (measurement) => this.#take(measurement),
      onEnd: (reason) => this.#end(reason),
      readerCount: () => this.#waiters.size,
    });
  }

  wait(gone: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      const leave = (): void => {
        if (!this.#waiters.delete(waiter)) return;
        reject(new PassbandError('CANCELLED', 'the caller is gone'));
        if (this.#waiters.size === 0) this.#over();
      };
      this.#waiters.add(waiter);
      gone.addEventListener('abort', leave, { once: true });
    });
  }

  #take(measurement: Measurement): void {
    let message: Buffer;
    try {
      message = encodeSpectrum(this.#station, this.#plan, measurement);
    } catch (error) {
      this.#end(PassbandError.from(error));
      return;
    }
    for (const { resolve } of this.#over()) resolve(message);
  }

  #end(reason: EndReason): void {
    for (const { reject } of this.#over()) reject(reason instanceof PassbandError ? reason : this.#noMore(reason));
  }

  #noMore(reason: 'stopped' | 'ended'): PassbandError {
    const { id } = this.#station;
    const why = reason === 'stopped' ? `station ${id} was stopped` : `the source of station ${id} came to its end`;
    return new PassbandError('FAILED_PRECONDITION', why);
  }

  /** Ends it; returns who waited. */
  #over(): Waiter[] {
    this.#meter.close();
    this.#onOver();
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }
}

/** Single spectra that are measured at the moment. */
export class SpectrumShots {
  readonly #shots = new Map<string, SpectrumShot>();

  /**
   * A spectrum of samples that come next, as an encoded SpectrumData: the one that is being measured already where someone
   * asked the same, before which the station was not tuned otherwise.
   *
   * @param holder common name of the certificate to whose share of the station's readers a new measurement counts.
   * @param gone who has gone has left it; the last one ends it.
   * @throws PassbandError what joining the station throws (rejected), FAILED_PRECONDITION when it is stopped meanwhile.
   */
  async measure(station: Station, plan: SpectrumPlan, holder: string, gone: AbortSignal): Promise<Buffer> {
    const key = JSON.stringify([station.hub.epoch.toString(), station.id, plan, station.hub.source.tuning]);
    let shot = this.#shots.get(key);
    if (shot === undefined) {
      const begun = new SpectrumShot(station, plan, holder, () => {
        if (this.#shots.get(key) === begun) this.#shots.delete(key);
      });
      this.#shots.set(key, begun);
      shot = begun;
    }
    return shot.wait(gone);
  }
}

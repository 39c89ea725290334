import { type handleBidiStreamingCall, Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { endStream } from '../call-adapters.ts';
import type { Clock } from '../clock.ts';
import type { Antenna } from './antenna.ts';
import type { Antennas } from './antennas.ts';
import { orderOf, type TrackingUpdate } from './checked-updates.ts';
import { type AntennaStatus, antennaStatus } from './status.ts';
import { PredictedTarget } from './target.ts';
import type { Tracker, TrackingOrder } from './tracker.ts';

/** Milliseconds between two statuses. */
export const STATUS_MS = 500;

/**
 * sdr.oran.AntennaControlService/TrackSatellite: the tracking begins with the first update, which names the station, and
 * ends with the call. A reader who is slow misses statuses; what comes next is always the newest.
 */
export function trackSatellite(
  antennas: Antennas,
  clock: Clock,
): handleBidiStreamingCall<TrackingUpdate, AntennaStatus> {
  return (call) => {
    const session = new TrackingCall(call, antennas, clock);
    call.on('data', (update: TrackingUpdate) => session.take(update));
    call.on('end', () => session.updatesEnd());
    call.on('cancelled', () => session.over());
    call.on('error', () => session.over());
  };
}

class TrackingCall {
  readonly #call: ServerDuplexStream<TrackingUpdate, AntennaStatus>;
  readonly #antennas: Antennas;
  readonly #clock: Clock;
  #following: { readonly antenna: Antenna; readonly tracker: Tracker; order: TrackingOrder } | undefined;
  #cancelTimer: (() => void) | undefined;
  #updatesEnded = false;
  #reporting = false;
  #isOver = false;

  constructor(call: ServerDuplexStream<TrackingUpdate, AntennaStatus>, antennas: Antennas, clock: Clock) {
    this.#call = call;
    this.#antennas = antennas;
    this.#clock = clock;
  }

  take(update: TrackingUpdate): void {
    if (this.#isOver) return;
    try {
      if (this.#following === undefined) this.#begin(update);
      else this.#goOn(this.#following, update);
    } catch (error) {
      this.#end(PassbandError.from(error));
    }
  }

  /** A client that predicts by itself has said all; a satellite that we predict is followed until the client leaves. */
  updatesEnd(): void {
    this.#updatesEnded = true;
    if (this.#following === undefined && !this.#isOver) {
      this.#end(new PassbandError('INVALID_ARGUMENT', 'the call ended without an update that says what to follow'));
    }
    this.#endWhenDone();
  }

  /** The call is over: nothing is followed any more. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    if (this.#following !== undefined) this.#following.antenna.release(this.#following.tracker);
  }

  #begin(update: TrackingUpdate): void {
    const antenna = this.#antennas.get(update.station_id);
    const order = orderOf(update, antenna.station, undefined, this.#nowMs());
    const tracker = antenna.track(order, (reason) => this.#end(reason));
    this.#following = { antenna, tracker, order };
    this.#call.sendMetadata(new Metadata());
    this.#cancelTimer = this.#clock.every(STATUS_MS, () => this.#report(antenna));
    this.#report(antenna);
  }

  #goOn(
    following: { readonly antenna: Antenna; readonly tracker: Tracker; order: TrackingOrder },
    update: TrackingUpdate,
  ): void {
    const { antenna, tracker } = following;
    if (update.station_id !== '' && update.station_id !== antenna.station.id) {
      throw new PassbandError(
        'INVALID_ARGUMENT',
        `station_id must stay ${antenna.station.id}; another is another call`,
      );
    }
    following.order = orderOf(update, antenna.station, following.order, this.#nowMs());
    tracker.follow(following.order);
  }

  #report(antenna: Antenna): void {
    this.#endWhenDone();
    // While an answer of the mount is awaited, or the client reads no further, there is nothing newer to say.
    if (this.#isOver || this.#reporting || this.#call.writableNeedDrain) return;
    this.#reporting = true;
    antennaStatus(antenna, this.#clock)
      .then(
        (status) => {
          if (!this.#isOver) this.#call.write(status);
        },
        (error: unknown) => this.#end(PassbandError.from(error)),
      )
      .finally(() => {
        this.#reporting = false;
      });
  }

  #endWhenDone(): void {
    const target = this.#following?.order.target;
    if (this.#isOver || !this.#updatesEnded || !(target instanceof PredictedTarget)) return;
    if (target.endMs <= this.#nowMs()) this.#end('stopped');
  }

  #end(reason: 'stopped' | PassbandError): void {
    if (this.#isOver) return;
    this.over();
    endStream(this.#call, reason);
  }

  #nowMs(): number {
    return Number(this.#clock.wallNs()) / 1e6;
  }
}

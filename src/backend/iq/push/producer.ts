import type { Metadata } from '@grpc/grpc-js';
import { PassbandError } from '../../../errors.ts';
import { samplesNs } from '../../../sigmf/samples-ns.ts';
import type { Clock } from '../../clock.ts';
import { callerCn } from '../../door/caller-metadata.ts';
import type { Station } from '../../stations/station.ts';
import type { Stations } from '../../stations/stations.ts';
import { AlignedPlace } from '../aligned-place.ts';
import { bytesPerSample } from '../formats.ts';
import { type ProducerSession, PushSource } from '../sources/push.ts';
import { aSource, MAX_BLOCK_SAMPLES, type Reception } from '../sources/source.ts';
import { type CheckedBatch, checkBatch } from './batch-checks.ts';
import { BatchSequence } from './batch-sequence.ts';
import { Pace } from './pace.ts';
import type { SampleBatch } from './sample-batch.ts';

/** Milliseconds that a producer may be silent beyond the time of its latest batch; then another one may have its place. */
export const SILENCE_MS = 30_000;
/** Milliseconds between two looks at that. */
const SILENCE_CHECK_MS = 5000;

/** Pieces of a batch that a ring has room for at least. */
const PIECES_PER_RING = 8;
const SAMPLE_BYTES = bytesPerSample('cf32_le');

/** With what a producer is let in. */
export interface ProducerCall {
  readonly stations: Stations;
  readonly clock: Clock;
  /** Of a call that passed the guard. */
  readonly metadata: Metadata;
  /** The first batch: it names the station. */
  readonly first: SampleBatch;
  /** Is told when the call must end, and why. */
  readonly ended: (error: PassbandError) => void;
}

/** One live producer of a station: checks its batches, hands them on in time, and keeps count. */
export class Producer {
  readonly #station: Station;
  readonly #source: PushSource;
  readonly #clock: Clock;
  readonly #session: ProducerSession;
  readonly #sequence = new BatchSequence();
  readonly #pace: Pace;
  readonly #leaveHub: () => void;
  readonly #stopWatching: () => void;
  readonly #place: AlignedPlace;
  #reception: Reception = {};
  #silentAtMs: number;
  /** When more samples may come. */
  #dueMs = Number.NEGATIVE_INFINITY;
  #isGone = false;
  #wake = (): void => {};

  /**
   * Lets a producer in.
   *
   * @throws PassbandError NOT_FOUND, FAILED_PRECONDITION when the station makes its own samples or is stopped, ALREADY_EXISTS
   * when it has a producer, INVALID_ARGUMENT when the first batch is wrong.
   */
  static connect(call: ProducerCall): Producer {
    const { first } = call;
    if (first.unreadable !== undefined) throw first.unreadable;
    const station = call.stations.get(first.station_id);
    const { source } = station.hub;
    if (!(source instanceof PushSource)) {
      const remedy = 'samples can be pushed to a station whose source is push';
      throw new PassbandError('FAILED_PRECONDITION', `station ${station.id} has ${aSource(source.kind)}; ${remedy}`);
    }
    station.requireRunning();
    source.requireFree();
    const place = new AlignedPlace('cf32_le');
    // It is looked at again when it is taken; but who begins with a wrong one is not let in at all.
    checkBatch(first, source.tuning, source.expectedCompression, place);
    return new Producer(station, source, place, call);
  }

  private constructor(station: Station, source: PushSource, place: AlignedPlace, call: ProducerCall) {
    const { clock, metadata, ended } = call;
    this.#place = place;
    this.#station = station;
    this.#source = source;
    this.#clock = clock;
    this.#pace = new Pace(clock);
    const holder = callerCn(metadata);
    this.#session = source.connect(holder);
    try {
      // Like a reader, so that the ring has what a reader may want to replay, and so that the end of the station is its end.
      this.#leaveHub = station.hub.join({
        holder,
        onSamples: () => {},
        readerCount: () => 0,
        onEnd: (reason) => ended(reason instanceof PassbandError ? reason : stopped(station.id)),
      });
    } catch (error) {
      this.#session.leave(0);
      throw error;
    }
    this.#silentAtMs = clock.nowMs() + SILENCE_MS;
    this.#stopWatching = clock.every(SILENCE_CHECK_MS, () => {
      if (clock.nowMs() > this.#silentAtMs) ended(silent());
    });
  }

  /** The producer is gone, for whatever reason. */
  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#stopWatching();
    this.#session.leave(this.#pace.aheadMs);
    this.#leaveHub();
    this.#wake();
  }

  /**
   * Takes a batch: all of its samples, or none when it is refused. Resolves when they are in the ring.
   *
   * @returns its sdr.oran.IQAck.
   * @throws PassbandError INVALID_ARGUMENT naming what is wrong with it.
   */
  async take(message: SampleBatch): Promise<object> {
    const receivedMs = this.#clock.nowMs();
    const batch = this.#check(message);
    const lostBefore = this.#sequence.take(batch);
    this.#session.mayLose(lostBefore);
    if (batch.band !== undefined && batch.band !== this.#station.band) this.#station.start({ band: batch.band });
    this.#session.follow(batch.tuning);
    this.#reception = sameOr(this.#reception, batch.reception);
    this.#silentAtMs = Number.POSITIVE_INFINITY;
    await this.#handOn(batch, lostBefore);
    const nowMs = this.#clock.nowMs();
    this.#silentAtMs = nowMs + this.#pace.aheadMs + durationMs(batch) + SILENCE_MS;
    return {
      acked_sequence: batch.sequence.toString(),
      packets_received: this.#sequence.received,
      packets_lost: this.#sequence.lost.toString(),
      processing_latency_ms: nowMs - receivedMs,
    };
  }

  /** Resolves when it is time for more samples, or when the producer is gone. */
  async ready(): Promise<void> {
    const waitMs = this.#dueMs - this.#clock.nowMs();
    if (waitMs <= 0 || this.#isGone) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(waitMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #check(message: SampleBatch): CheckedBatch {
    if (message.unreadable === undefined && message.station_id !== this.#station.id) {
      throw new PassbandError(
        'INVALID_ARGUMENT',
        `station_id must be ${this.#station.id} in every batch of this call; open a call for each station`,
      );
    }
    return checkBatch(message, this.#source.tuning, this.#source.expectedCompression, this.#place);
  }

  /** Gives the samples to the hub in pieces that its ring and its readers can take, none before its time. */
  async #handOn(batch: CheckedBatch, lostBefore: number): Promise<void> {
    const { hub } = this.#station;
    const { sampleRateHz } = batch.tuning;
    const ringMs = hub.ringSeconds * 1000;
    const startNs = batch.timestampNs ?? this.#clock.wallNs() - samplesNs(batch.sampleCount, sampleRateHz);
    const most = Math.min(
      MAX_BLOCK_SAMPLES,
      Math.max(1, Math.floor((hub.ringSeconds * sampleRateHz) / PIECES_PER_RING)),
    );
    this.#pace.begin(durationMs(batch), ringMs);
    for (let at = 0; at < batch.sampleCount; at += most) {
      if (at > 0) await this.ready();
      const piece = batch.samples.subarray(at * SAMPLE_BYTES, (at + most) * SAMPLE_BYTES);
      this.#session.push({
        samples: piece,
        lostBefore: at === 0 ? lostBefore : 0,
        timestampNs: startNs + samplesNs(at, sampleRateHz),
        reception: this.#reception,
      });
      const pieceMs = (piece.length / SAMPLE_BYTES / sampleRateHz) * 1000;
      this.#dueMs = this.#clock.nowMs() + this.#pace.spend(pieceMs, ringMs);
    }
  }
}

const durationMs = ({ sampleCount, tuning }: CheckedBatch): number => (sampleCount / tuning.sampleRateHz) * 1000;

/** The former object where the values are the same: the hub keeps one for each change. */
function sameOr(before: Reception, now: Reception): Reception {
  const same =
    before.snrDb === now.snrDb &&
    before.receivePowerDbm === now.receivePowerDbm &&
    before.agcLocked === now.agcLocked &&
    before.dopplerShiftHz === now.dopplerShiftHz;
  return same ? before : now;
}

const stopped = (stationId: string): PassbandError =>
  new PassbandError('FAILED_PRECONDITION', `station ${stationId} is stopped; start it with StartStream`);

const silent = (): PassbandError =>
  new PassbandError(
    'DEADLINE_EXCEEDED',
    `no batch came within ${SILENCE_MS / 1000} s of the time that the one before lasts; open a new call`,
  );

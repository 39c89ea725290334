import { PassbandError } from '../../../errors.ts';
import { checkEnum, checkOptionalNumber } from '../../field-checks.ts';
import { BATCH_SIZE } from '../../stations/ranges.ts';
import type { Station } from '../../stations/station.ts';
import type { Datatype } from '../formats.ts';
import { requestedDatatype } from '../requested-datatype.ts';
import type { BandRequest, TunedBand } from '../tuned/tuned-band.ts';
import type { ReadFrom } from './read-from.ts';

/**
 * Frames a second for one reader at most: each costs some microseconds of its own, so one who asks for single samples of
 * a fast station would get little and take the machine from all others.
 */
const MAX_FRAMES_PER_S = 10_000;

/** How far ahead a time to read from may lie and be taken as now, seconds: clocks differ. */
const MAX_AHEAD_S = 5;

/** sdr.oran.SubscribeIQRequest, the part that says which frames. */
export interface SubscribeRequest extends BandRequest {
  readonly station_id: string;
  readonly datatype: string;
  readonly batch_size_samples: number;
  /** Decimal; absent when not given. */
  readonly after_sequence?: string;
  readonly after_epoch?: string;
  readonly after_time_ns?: string;
  readonly start: string | number;
}

/** A request that was understood, with every default filled in. */
export interface SubscriptionPlan {
  readonly datatype: Datatype;
  /** Samples in a frame. */
  readonly batchSize: number;
  readonly from: ReadFrom;
}

/**
 * A request as a plan for a station.
 *
 * @param band the part of the station's band that the frames hold; undefined means all of it.
 * @throws PassbandError INVALID_ARGUMENT naming field, range and unit.
 */
export function planSubscription(
  station: Station,
  request: SubscribeRequest,
  band: TunedBand | undefined,
): SubscriptionPlan {
  const { hub } = station;
  // Filtered samples have more to say than the few bits of a source's own.
  const datatype = requestedDatatype(request.datatype, band === undefined ? hub.datatype : 'cf32_le');
  const sampleRateHz = hub.source.tuning.sampleRateHz / (band?.decimation ?? 1);
  return { datatype, batchSize: batchSizeOf(station, request, sampleRateHz), from: readFrom(station, request) };
}

function batchSizeOf(station: Station, { batch_size_samples }: SubscribeRequest, sampleRateHz: number): number {
  const { longestFrame } = station.hub;
  const range = { min: Math.max(1, Math.ceil(sampleRateHz / MAX_FRAMES_PER_S)), max: longestFrame, unit: 'samples' };
  const asked = checkOptionalNumber(
    'batch_size_samples',
    batch_size_samples,
    BATCH_SIZE,
    "means the station's setting",
  );
  if (asked === undefined) return Math.max(range.min, Math.min(station.batchSizeSamples, range.max));
  if (asked < range.min) {
    const why = `at most ${MAX_FRAMES_PER_S} frames/s of ${sampleRateHz} samples/s`;
    throw new PassbandError(
      'INVALID_ARGUMENT',
      `batch_size_samples must be at least ${range.min} samples here: ${why}`,
    );
  }
  if (asked > range.max) {
    const why = "the station's ring is small";
    throw new PassbandError('INVALID_ARGUMENT', `batch_size_samples must be at most ${range.max} samples here: ${why}`);
  }
  return asked;
}

/**
 * Where to begin. A position to resume from overrules a start and a time: a browser that comes back sends it along with
 * the URL that it began with.
 */
function readFrom(station: Station, request: SubscribeRequest): ReadFrom {
  const start = checkEnum<'live' | 'earliest'>('start', request.start, { LIVE: 'live', EARLIEST: 'earliest' });
  const { after_sequence: sequence, after_epoch: epoch, after_time_ns: time } = request;
  if (time !== undefined && start === 'earliest') {
    throw new PassbandError('INVALID_ARGUMENT', 'after_time_ns and start EARLIEST contradict each other; give one');
  }
  if (epoch !== undefined && sequence === undefined) {
    throw new PassbandError('INVALID_ARGUMENT', 'after_epoch says in which epoch after_sequence counts; give both');
  }
  if (sequence !== undefined) {
    const after = { kind: 'after', sequence: BigInt(sequence) } as const;
    return epoch === undefined ? after : { ...after, epoch: BigInt(epoch) };
  }
  if (time === undefined) return { kind: start };
  const timestampNs = BigInt(time);
  const aheadS = Number(timestampNs - station.hub.clock.wallNs()) / 1e9;
  if (aheadS > MAX_AHEAD_S) {
    const now = `${station.hub.clock.wallNs()} ns`;
    throw new PassbandError(
      'INVALID_ARGUMENT',
      `after_time_ns must be at most ${MAX_AHEAD_S} s after now (${now} since 1970-01-01T00:00:00Z)`,
    );
  }
  return { kind: 'time', timestampNs };
}

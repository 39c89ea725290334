import type { ServerWritableStream } from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';
import { endStream } from '../call-adapters.ts';
import { checkEnum, checkOptionalNumber, type NumberRange } from '../field-checks.ts';
import type { Station } from '../station.ts';
import { DATATYPES, isDatatype } from './formats.ts';
import type { Tap } from './frame-origin.ts';
import { FrameReader, type ReadFrom, type ReadyFrame } from './frame-reader.ts';
import { type Pump, pumpTo } from './pump.ts';

/** Samples in a frame. The longest is 2 MiB of cf32: below the 4 MiB that gRPC peers receive by default. */
export const BATCH_SIZE: NumberRange = { min: 1, max: 262_144, unit: 'samples' };

/** sdr.oran.SubscribeIQRequest. */
export interface SubscribeRequest {
  readonly station_id: string;
  readonly datatype: string;
  readonly batch_size_samples: number;
  /** Decimal; absent when not given. */
  readonly after_sequence?: string;
  readonly start: string | number;
}

function readFrom(request: SubscribeRequest): ReadFrom {
  const start = checkEnum<'live' | 'earliest'>('start', request.start, { LIVE: 'live', EARLIEST: 'earliest' });
  if (request.after_sequence === undefined) return { kind: start };
  return { kind: 'after', sequence: BigInt(request.after_sequence) };
}

/**
 * Opens a subscription to a station's frames.
 *
 * @returns what begins the sending, to be called when the call's headers have been sent.
 * @throws PassbandError for a request that is wrong or cannot be served now.
 */
export function openSubscription(station: Station, call: ServerWritableStream<SubscribeRequest, Buffer>): () => void {
  const { hub } = station;
  const { request } = call;
  const datatype = request.datatype === '' ? hub.source.datatype : request.datatype;
  if (!isDatatype(datatype)) {
    throw new PassbandError('INVALID_ARGUMENT', `datatype must be one of ${DATATYPES.join(', ')}, or empty`);
  }
  const batchSize =
    checkOptionalNumber('batch_size_samples', request.batch_size_samples, BATCH_SIZE) ?? station.batchSizeSamples;
  const from = readFrom(request);
  const counters = station.requireRunning();

  let pump: Pump | undefined;
  const tap: Tap = {
    onSamples: () => pump?.wake(),
    onEnd: (reason) => {
      pump?.stop();
      endStream(call, reason);
    },
  };
  const leave = hub.join(tap);
  const shelf = hub.shelves.borrow(datatype, batchSize);
  call.once('close', () => {
    leave();
    hub.shelves.giveBack(shelf);
  });
  const reader = new FrameReader(hub, shelf, from);
  return () => {
    const next = (): ReadyFrame | undefined => {
      const frame = reader.next();
      if (frame !== undefined) counters.sent(frame, batchSize);
      return frame;
    };
    pump = pumpTo(call, next, () => counters.taken());
    pump.wake();
  };
}

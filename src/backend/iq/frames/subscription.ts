import type { ServerWritableStream } from '@grpc/grpc-js';
import { PassbandError } from '../../../errors.ts';
import { endStream, type StreamOpening } from '../../call-adapters.ts';
import { callerCn } from '../../door/caller-metadata.ts';
import type { Station } from '../../stations/station.ts';
import { tunedBand } from '../tuned/tuned-band.ts';
import type { EndReason, Tap } from './frame-origin.ts';
import { FrameReader, type ReadyFrame } from './frame-reader.ts';
import { type Pump, pumpTo } from './pump.ts';
import { planSubscription, type SubscribeRequest } from './subscription-plan.ts';

/**
 * Opens a subscription to a station's frames.
 *
 * @throws PassbandError for a request that is wrong or cannot be served now.
 */
export async function openSubscription(
  station: Station,
  call: ServerWritableStream<SubscribeRequest, Buffer>,
): Promise<StreamOpening> {
  const { hub } = station;
  const counters = station.requireRunning();
  const band = tunedBand(call.request, hub.source.tuning);
  const { datatype, batchSize, from: wanted } = planSubscription(station, call.request, band);
  const whole = { origin: hub, from: wanted };
  const { origin, from } = band === undefined ? whole : station.tuned.open(band, wanted, batchSize);

  let pump: Pump | undefined;
  let accepted = false;
  let ended: EndReason | undefined;
  const tap: Tap = {
    holder: callerCn(call.metadata),
    onSamples: () => pump?.wake(),
    progress: () => reader,
    onEnd: (reason) => {
      ended = reason;
      if (reason instanceof PassbandError) {
        pump?.stop();
        if (accepted) endStream(call, reason);
        return;
      }
      // What has come is still read; then the stream ends.
      reader.finish();
      pump?.wake();
    },
  };
  const leave = origin.join(tap);
  const shelf = origin.shelves.borrow(datatype, batchSize);
  call.once('close', () => {
    leave();
    origin.shelves.giveBack(shelf);
  });
  const reader = new FrameReader(origin, shelf, from);
  await hub.ready();
  if (ended instanceof PassbandError) throw ended;
  accepted = true;
  return () => {
    const finish = (reason: EndReason): void => {
      pump?.stop();
      endStream(call, reason);
    };
    const next = (): ReadyFrame | undefined => {
      try {
        const frame = reader.next();
        if (frame !== undefined) counters.sent(frame);
        else if (ended !== undefined) finish(ended);
        return frame;
      } catch (error) {
        finish(PassbandError.from(error));
        return undefined;
      }
    };
    pump = pumpTo(call, next, (frame, hasLeft) => {
      if (!hasLeft) return;
      reader.left(frame);
      counters.taken();
    });
    pump.wake();
  };
}

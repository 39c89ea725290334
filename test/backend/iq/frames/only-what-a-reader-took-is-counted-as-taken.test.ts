import { EventEmitter } from 'node:events';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import { expect, it } from '@jest/globals';
import { noteCaller } from '../../../../src/backend/door/caller-metadata.ts';
import { openSubscription } from '../../../../src/backend/iq/frames/subscription.ts';
import type { SubscribeRequest } from '../../../../src/backend/iq/frames/subscription-plan.ts';
import { Station } from '../../../../src/backend/stations/station.ts';
import { ManualClock } from '../../manual-clock.ts';
import { HandSource, Sums } from '../made-by-hand.ts';

/** A call whose reader takes a message when a test says so. */
class CallByHand extends EventEmitter {
  readonly metadata = new Metadata();
  readonly request: SubscribeRequest = {
    ...{
      station_id: 's',
      datatype: '',
      batch_size_samples: 100,
      start: 'LIVE',
      frequency_offset_hz: 0,
      output_rate: 0,
    },
  };
  readonly #written: ((error?: Error) => void)[] = [];

  write(_message: Buffer, done: (error?: Error) => void): boolean {
    this.#written.push(done);
    return true;
  }
  /** The reader takes the oldest message. */
  take(): void {
    this.#written.shift()?.();
  }
  /** The reader goes; what it has not taken it never will. */
  cancel(): void {
    this.emit('cancelled');
    for (const done of this.#written.splice(0)) done(new Error('the stream was reset'));
    this.emit('close');
  }
}

it('counts a frame as taken when it was, and none of those that were on their way to a reader that went', async () => {
  const source = new HandSource();
  const config = {
    stationId: 's',
    description: '',
    source: { kind: 'push', ...source.tuning, datatype: 'cu8' },
  } as const;
  const station = new Station(config, source, new ManualClock(), new Sums());
  const call = new CallByHand();
  noteCaller(call.metadata, 'reader');
  const begin = await openSubscription(station, call as unknown as ServerWritableStream<SubscribeRequest, Buffer>);
  begin?.();
  source.make(400);
  call.take();
  call.cancel();
  expect(station.counters?.snapshot()).toMatchObject({ packets_sent: 4, packets_acked: 1 });
  expect(station.hub.tapCount).toBe(0);
});

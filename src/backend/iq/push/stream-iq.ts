import { type handleBidiStreamingCall, Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import { statusError } from '../../call-adapters.ts';
import type { Clock } from '../../clock.ts';
import type { Stations } from '../../stations/stations.ts';
import { Producer } from './producer.ts';
import type { SampleBatch } from './sample-batch.ts';

type Call = ServerDuplexStream<SampleBatch, object>;

/**
 * StreamIQ: takes a producer's batches one after the other and acknowledges each when its samples are in the station's ring.
 * The call is not read while a batch is waiting for its time or acknowledgements wait for the producer to read them, so that
 * flow control holds back a producer that is too fast; nothing of it is dropped.
 */
export function streamIq(stations: Stations, clock: Clock): handleBidiStreamingCall<SampleBatch, object> {
  return (call: Call) => {
    let producer: Producer | undefined;
    let isOver = false;
    const leave = (): void => {
      isOver = true;
      producer?.leave();
    };
    const fail = (error: unknown): void => {
      if (isOver) return;
      leave();
      call.emit('error', statusError(error));
    };
    const take = async (batch: SampleBatch): Promise<void> => {
      if (producer === undefined) {
        producer = Producer.connect({ stations, clock, metadata: call.metadata, first: batch, ended: fail });
        // Only now: a producer that is refused has a real status, also behind a gateway.
        call.sendMetadata(new Metadata());
      }
      const ack = await producer.take(batch);
      if (!isOver && !call.write(ack)) await drained(call);
      await producer.ready();
    };
    call.on('data', (batch: SampleBatch) => {
      if (isOver) return;
      call.pause();
      take(batch).then(() => {
        if (!isOver) call.resume();
      }, fail);
    });
    call.on('end', () => {
      if (isOver) return;
      leave();
      call.end();
    });
    call.on('cancelled', leave);
  };
}

/** Waits until the call takes more; for ever when it is over, and nobody waits for that then. */
function drained(call: Call): Promise<void> {
  return new Promise((resolve) => call.once('drain', resolve));
}

import { pino } from 'pino';
import { bytesPerSample, type Datatype } from '../../../src/backend/iq/formats.ts';
import { subscribeZmq, type ZmqSubscribe } from '../../../src/backend/iq/sources/zmq.ts';
import { SILENCE_MS, WATCH_MS, ZmqSource } from '../../../src/backend/iq/sources/zmq-source.ts';
import { until } from '../../support/until.ts';
import { ZmqPublisher } from '../../support/zmq-publisher.ts';
import { ManualClock } from '../manual-clock.ts';
import { writeTagged } from './gnuradio-writer.ts';
import type { SourceUnderTest } from './source-under-test.ts';

const RATE = 240_000;
/** Samples of one message: 20 ms of them. */
const MESSAGE_SAMPLES = 4800;
/** What the flowgraph had sent before anybody listened. */
const EARLIER = 1_000_000n;

/** Bytes that tell where they belong. */
function bytesAt(sampleIndex: number, samples: number, datatype: Datatype): Buffer {
  const size = bytesPerSample(datatype);
  return Buffer.from(Uint8Array.from({ length: samples * size }, (_, i) => (sampleIndex * size + i) % 251));
}

/** A sink with or without tags, published over TCP; the station's clock is the test's. */
export async function zmqCase(datatype: Datatype, tags: boolean): Promise<SourceUnderTest> {
  const clock = new ManualClock();
  const publisher = new ZmqPublisher();
  await publisher.open();
  let open = 0;
  let taken = 0;
  const subscribe: ZmqSubscribe = (endpoint, listener) => {
    open++;
    const end = subscribeZmq(endpoint, {
      ...listener,
      message: (parts) => {
        listener.message(parts);
        taken++;
      },
    });
    return () => {
      open--;
      end();
    };
  };
  const source = new ZmqSource(
    { endpoint: publisher.endpoint, datatype, tags, sampleRateHz: RATE, centerFrequencyHz: 100_000_000 },
    { stationId: 'gr', clock, log: pino({ level: 'silent' }), subscribe },
  );
  let isSubscribed = false;
  let isClosed = false;
  /** Index and time up to which samples were sent. */
  let sent = { index: 0, atMs: 0 };
  let isBroken = false;
  /** Samples that the sink has made at all, by the clock; and the rate that its next message states. */
  let made = 0;
  let rate = RATE;
  let statedRate: number | undefined;
  const send = async (offset: bigint, items: Buffer): Promise<void> => {
    const before = taken;
    const rates =
      statedRate === undefined ? [] : [{ offset, key: { symbol: 'rx_rate' }, value: { double: statedRate } }];
    statedRate = undefined;
    await publisher.send(tags ? writeTagged(offset, items, rates) : items);
    await until('the message', () => taken > before);
  };
  return {
    source,
    feed: async (ms) => {
      const samples = (ms / 1000) * RATE;
      // A sink without tags says nothing of where its samples lie after a break: the clock does.
      const from =
        isBroken && !tags ? sent.index + Math.floor(((clock.nowMs() - sent.atMs) * RATE) / 1000) : source.nextIndex();
      isBroken = false;
      if (open > 0 && !isSubscribed) await publisher.subscribed();
      isSubscribed = open > 0;
      if (!isSubscribed || isClosed) {
        clock.advance(ms);
        return;
      }
      for (let done = 0; done < samples; done += MESSAGE_SAMPLES) {
        const count = Math.min(MESSAGE_SAMPLES, samples - done);
        const items = bytesAt(from + done, count, datatype);
        clock.advance((1000 * count) / RATE);
        await send(EARLIER + BigInt(from + done), items);
        // The machine had no place for it: there is no subscription for the next.
        if (source.fault !== undefined) return;
      }
      sent = { index: from + samples, atMs: clock.nowMs() };
    },
    expected: (sampleIndex, samples) => bytesAt(sampleIndex, samples, datatype),
    arrivals: {
      clock,
      isCounted: tags,
      feed: async (ms, pieceMs) => {
        if (!isSubscribed) await publisher.subscribed();
        isSubscribed = true;
        const count = (pieceMs / 1000) * rate;
        for (let doneMs = 0; doneMs < ms; doneMs += pieceMs) {
          clock.advance(pieceMs);
          await send(EARLIER + BigInt(made), Buffer.alloc(count * bytesPerSample(datatype)));
          made += count;
        }
      },
      lose: (ms) => {
        // There may be none, and another one by then.
        isSubscribed &&= open > 0;
        clock.advance(ms);
        made += (ms / 1000) * rate;
      },
      ...(tags
        ? {
            changeRate: (sampleRateHz: number) => {
              rate = sampleRateHz;
              statedRate = sampleRateHz;
            },
          }
        : {}),
    },
    retune: /flowgraph/,
    trouble: {
      begin: async () => {
        publisher.close();
        isBroken = true;
        // And until the source looks.
        clock.advance(SILENCE_MS + WATCH_MS);
        made += ((SILENCE_MS + WATCH_MS) / 1000) * rate;
      },
      end: async () => {
        await publisher.open();
        await publisher.subscribed();
      },
    },
    held: () => [
      ...Array.from({ length: clock.timers }, () => 'timer'),
      ...Array.from({ length: open }, () => 'subscription'),
    ],
    remove: async () => {
      isClosed = true;
      publisher.close();
    },
  };
}

import { pino } from 'pino';
import { RtlTcpSource, SETTLE_MS } from '../../../src/backend/iq/sources/rtl-tcp.ts';
import type { SourceSink } from '../../../src/backend/iq/sources/source.ts';
import { until } from '../../support/until.ts';
import { ManualClock } from '../manual-clock.ts';
import { RtlTcpServer } from '../rtl-tcp-server.ts';
import type { SourceUnderTest } from './source-under-test.ts';

const TUNING = { sampleRateHz: 250_000, centerFrequencyHz: 433_920_000 };

/** Bytes as a receiver makes them: no two stretches alike. */
function radio(from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(from + i + 1, 2_654_435_761) >>> 24;
  return bytes;
}

/** A client of an rtl_tcp server, whose radio runs by the same clock. */
export async function rtlTcpCase(): Promise<SourceUnderTest> {
  const clock = new ManualClock();
  const server = await new RtlTcpServer().listen();
  const source = new RtlTcpSource(
    { ...TUNING, host: '127.0.0.1', port: server.port },
    { stationId: 'dongle', clock, log: pino({ level: 'silent' }), random: () => 0 },
  );
  /** What was sent that must be handed on, by the index it must have. */
  const sent: { readonly index: number; readonly bytes: Buffer }[] = [];
  let runs = false;
  let sentBytes = 0;
  let settledFor = '';
  let accepted = 0;
  /** Samples that were handed on, and the index after the last of them. */
  let got = 0;
  let end = 0;
  const next = (samples: number): Buffer => {
    const bytes = radio(sentBytes, 2 * samples);
    sentBytes += bytes.length;
    return bytes;
  };
  const start = source.start.bind(source);
  const stop = source.stop.bind(source);
  Object.assign(source, {
    start: (sink: SourceSink) => {
      runs = true;
      start({
        ...sink,
        samples: (block) => {
          got += block.bytes.length / 2;
          end = block.sampleIndex + block.bytes.length / 2;
          sink.samples(block);
        },
      });
    },
    stop: () => {
      runs = false;
      stop();
    },
  });
  /** Samples that the source throws away before it hands any on, as its connection is new or its tuning is. */
  const settling = async (): Promise<number> => {
    // A source that has failed needs another connection than it had.
    const least = source.fault === undefined ? accepted : accepted + 1;
    await until('the server is connected', () => server.open === 1 && server.accepted >= least);
    accepted = server.accepted;
    const { sampleRateHz, centerFrequencyHz } = source.tuning;
    await until(
      'it has the commands',
      () => server.latest(1) === centerFrequencyHz && server.latest(2) === sampleRateHz,
    );
    const present = `${server.accepted} ${sampleRateHz} ${centerFrequencyHz}`;
    const isSettled = present === settledFor;
    settledFor = present;
    return isSettled ? 0 : (SETTLE_MS / 1000) * sampleRateHz;
  };
  /** Sends samples behind those that are thrown away; they have arrived, or are what the source failed at. */
  const send = async (thrown: number, count: number, make = next): Promise<void> => {
    const before = got;
    const faultBefore = source.fault;
    const lead = next(thrown);
    const bytes = make(count);
    server.send(Buffer.concat([lead, bytes]));
    await until(
      'all of it has come',
      () => got === before + count || (source.fault !== undefined && source.fault !== faultBefore),
      (isSo) => isSo,
    );
    sent.push({ index: end - count, bytes });
  };
  return {
    source,
    feed: async (ms) => {
      clock.advance(ms);
      if (runs) await send(await settling(), (ms / 1000) * source.tuning.sampleRateHz);
      else await until('the connection is closed', () => server.open === 0);
    },
    arrivals: {
      clock,
      isCounted: false,
      feed: async (ms, pieceMs) => {
        const thrown = await settling();
        if (thrown > 0) clock.advance(SETTLE_MS);
        for (let doneMs = 0; doneMs < ms; doneMs += pieceMs) {
          clock.advance(pieceMs);
          const count = (pieceMs / 1000) * source.tuning.sampleRateHz;
          await send(doneMs === 0 ? thrown : 0, count, (samples) => Buffer.alloc(2 * samples));
        }
      },
      lose: (ms) => clock.advance(ms),
      changeRate: (sampleRateHz) => source.tune({ ...source.tuning, sampleRateHz }, {}),
    },
    expected: (sampleIndex, samples) =>
      Buffer.concat(
        sent.flatMap(({ index, bytes }) => {
          const from = Math.max(0, sampleIndex - index);
          const to = Math.min(bytes.length / 2, sampleIndex + samples - index);
          return to > from ? [bytes.subarray(2 * from, 2 * to)] : [];
        }),
      ),
    retune: { sampleRateHz: 300_000, centerFrequencyHz: 868_000_000 },
    trouble: {
      begin: async () => {
        await server.stop();
        await until('the source has noticed', () => source.fault !== undefined);
      },
      end: async () => {
        await server.listen();
        const accepted = server.accepted;
        clock.advance(1_000);
        await server.connected(accepted + 1);
      },
    },
    held: () => Array.from({ length: clock.timers }, () => 'timer'),
    remove: () => server.stop(),
  };
}

import { pino } from 'pino';
import { RtlTcpSource, SETTLE_MS } from '../../../src/backend/iq/sources/rtl-tcp.ts';
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
  const next = (samples: number): Buffer => {
    const bytes = radio(sentBytes, 2 * samples);
    sentBytes += bytes.length;
    return bytes;
  };
  const start = source.start.bind(source);
  const stop = source.stop.bind(source);
  Object.assign(source, {
    start: (...args: Parameters<typeof start>) => {
      runs = true;
      start(...args);
    },
    stop: () => {
      runs = false;
      stop();
    },
  });
  return {
    source,
    feed: async (ms) => {
      clock.advance(ms);
      if (!runs) {
        await until('the connection is closed', () => server.open === 0);
        return;
      }
      await until('the server is connected', () => server.open === 1);
      const { sampleRateHz, centerFrequencyHz } = source.tuning;
      await until(
        'it has the commands',
        () => server.latest(1) === centerFrequencyHz && server.latest(2) === sampleRateHz,
      );
      const settling = `${server.accepted} ${sampleRateHz} ${centerFrequencyHz}`;
      const thrown = settling === settledFor ? 0 : (SETTLE_MS / 1000) * sampleRateHz;
      settledFor = settling;
      const before = source.nextIndex();
      const lead = next(thrown);
      const bytes = next((ms / 1000) * sampleRateHz);
      server.send(Buffer.concat([lead, bytes]));
      const count = bytes.length / 2;
      const arrived = (): boolean =>
        source.nextIndex() === before + count || source.nextIndex() === before + thrown + count;
      await until('all of it has come', arrived);
      sent.push({ index: source.nextIndex() - count, bytes });
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

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { RtlTcpConfig } from '../../../src/backend/iq/sources/config.ts';
import { RtlTcpSource } from '../../../src/backend/iq/sources/rtl-tcp.ts';
import { PassbandError } from '../../../src/errors.ts';
import { until } from '../../support/until.ts';
import { ManualClock } from '../manual-clock.ts';
import { R820T_HEADER, RtlTcpServer } from '../rtl-tcp-server.ts';
import { BlockCollector } from './source-under-test.ts';

/** So few samples a second that the first 200 ms, which are thrown away, are 400 bytes. */
const RATE_HZ = 1_000;
const SETTLING = Buffer.alloc(400, 0xee);
const SAMPLES = Buffer.from(Uint8Array.from({ length: 24 }, (_, i) => i + 1));

let clock: ManualClock;
let server: RtlTcpServer;
let source: RtlTcpSource;
let out: BlockCollector;
let logs: Readonly<Record<string, unknown>>[];

/** A source and a server that listens, unless told. */
async function make(config: Partial<RtlTcpConfig> = {}, header?: Buffer): Promise<void> {
  server = await new RtlTcpServer(header).listen();
  const tuning = { sampleRateHz: RATE_HZ, centerFrequencyHz: 433_920_000 };
  const log = pino({ level: 'trace' }, { write: (line: string) => logs.push(JSON.parse(line)) });
  source = new RtlTcpSource(
    { ...tuning, host: '127.0.0.1', port: server.port, ...config },
    { stationId: 'dongle', clock, log, random: () => 0 },
  );
  out = new BlockCollector(source, 2);
}
const total = (count: number) =>
  until(
    `${count} samples`,
    () => out.total,
    (seen) => seen === count,
  );
const faulty = () => until('it fails', () => out.faults.at(-1)).then((fault) => PassbandError.from(fault));
/** Lets what is on its way arrive; where it does not, the test is weaker and no less right. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
};

beforeEach(() => {
  clock = new ManualClock();
  logs = [];
});
afterEach(async () => {
  source.stop();
  await server.stop();
  expect(clock.timers).toBe(0);
});

describe('samples', () => {
  it.each(Array.from({ length: SAMPLES.length }, (_, split) => [split]))(
    'come as they are, split by TCP after byte %i',
    async (split) => {
      await make({}, Buffer.alloc(0));
      out.start();
      await until('it is connected', () => server.open === 1);
      server.send(Buffer.concat([R820T_HEADER, SETTLING, SAMPLES.subarray(0, split)]));
      // The commands answer what came up to here: the rest comes in a piece of its own.
      await server.connected();
      server.send(SAMPLES.subarray(split));
      await total(SAMPLES.length / 2);
      expect(out.bytes.equals(SAMPLES)).toBe(true);
    },
  );

  it('come as they are behind a header that comes byte by byte', async () => {
    await make({}, Buffer.alloc(0));
    out.start();
    await until('it is connected', () => server.open === 1);
    for (const byte of R820T_HEADER) {
      server.send(Buffer.of(byte));
      await turns();
    }
    server.send(Buffer.concat([SETTLING, SAMPLES]));
    await total(SAMPLES.length / 2);
    expect(out.bytes.equals(SAMPLES)).toBe(true);
  });

  it('of before a change of tuning are thrown away, and the index says so', async () => {
    await make();
    out.start();
    await server.connected();
    server.send(Buffer.concat([SETTLING, SAMPLES]));
    await total(12);
    source.tune({ sampleRateHz: RATE_HZ, centerFrequencyHz: 868_000_000 }, {});
    server.send(Buffer.concat([SETTLING, SAMPLES]));
    await total(24);
    expect(out.blocks.at(-1)).toMatchObject({ sampleIndex: 12 + 200, centerFrequencyHz: 868_000_000 });
    // The gain alone costs none.
    source.tune(source.tuning, { gainDb: 20 });
    server.send(SAMPLES);
    await total(36);
    expect(out.blocks.at(-1)).toMatchObject({ sampleIndex: 24 + 200 });
  });

  it('lie behind a gap as long as the time without a connection', async () => {
    await make();
    out.start();
    await server.connected();
    server.send(Buffer.concat([SETTLING, SAMPLES]));
    await total(12);
    server.cut();
    expect(await faulty()).toMatchObject({ code: 'UNAVAILABLE' });
    clock.advance(1_000);
    await server.connected(2);
    clock.advance(4_000);
    expect(source.nextIndex()).toBe(12 + 5 * RATE_HZ);
    // Connected is not well yet: the samples are.
    expect(source.fault).toBeDefined();
    server.send(Buffer.concat([SETTLING, SAMPLES]));
    await total(24);
    // The last of them was received now.
    expect(out.blocks.at(-1)).toMatchObject({ sampleIndex: 5 * RATE_HZ, timestampNs: clock.wallNs() - 12_000_000n });
    expect(source.nextIndex()).toBe(12 + 5 * RATE_HZ);
    expect(source.fault).toBeUndefined();
    expect(out.faults).toHaveLength(1);
    expect(logs.map(({ msg }) => msg)).toEqual([
      'connected to the rtl_tcp server',
      'an RTL2832U takes 225001 to 300000 and 900001 to 3200000 samples/s only',
      'no samples from the rtl_tcp server',
      'connected to the rtl_tcp server',
      'an RTL2832U takes 225001 to 300000 and 900001 to 3200000 samples/s only',
      'samples come again',
    ]);
  });
});

it('tells of samples that seem to be lost, and moves no index for them', async () => {
  await make();
  const suspected: number[] = [];
  source.start({ samples: () => {}, failed: () => {}, suspected: (samples) => suspected.push(samples) });
  await server.connected();
  server.send(SETTLING);
  const second = async (): Promise<void> => {
    clock.advance(1_000);
    const next = source.nextIndex() + RATE_HZ;
    server.send(Buffer.alloc(2 * RATE_HZ));
    await until('a second of samples', () => source.nextIndex() === next);
  };
  await second();
  // Two seconds never come, and nobody says so.
  clock.advance(2_000);
  for (let count = 0; count < 20; count++) await second();
  expect(suspected).toEqual([2 * RATE_HZ]);
  expect(source.nextIndex()).toBe(21 * RATE_HZ);
  const line = logs.find(({ msg }) => msg === 'samples seem to be lost before they came: fewer came than were due');
  expect(line).toMatchObject({ level: 40, samples: 2 * RATE_HZ });
});

describe('a server that is none, or no good', () => {
  it.each([
    ['another magic', Buffer.from('RTL1\0\0\0\x05\0\0\0\x1d', 'latin1'), 'what answers there is no rtl_tcp server'],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'what answers there is no rtl_tcp server'],
    ['nothing but zeros', Buffer.alloc(12), 'what answers there is no rtl_tcp server'],
    ['a tuner of the far future', Buffer.from('RTL0\xff\xff\xff\xff\0\0\0\x1d', 'latin1'), 'no rtl_tcp server'],
    ['four thousand million gains', Buffer.from('RTL0\0\0\0\x05\xff\xff\xff\xff', 'latin1'), 'no rtl_tcp server'],
    ['256 gains', Buffer.from('RTL0\0\0\0\x05\0\0\x01\0', 'latin1'), 'no rtl_tcp server'],
  ])('with %s for a header is a fault', async (_what, header, message) => {
    await make({}, Buffer.concat([header, Buffer.alloc(10_000)]));
    out.start();
    const fault = await faulty();
    expect(fault).toMatchObject({ code: 'UNAVAILABLE', publicMessage: expect.stringContaining(message) });
    expect(out.total).toBe(0);
    await until('it has hung up', () => server.open === 0);
    // And it is asked again.
    clock.advance(1_000);
    await until('it is asked again', () => server.accepted === 2);
  });

  it('that is not there is a fault that names no address', async () => {
    await make();
    await server.stop();
    out.start();
    const { publicMessage } = await faulty();
    expect(publicMessage).toBe('the rtl_tcp server cannot be reached');
    expect(source.fault?.publicMessage).toBe(publicMessage);
    expect(logs).toMatchObject([{ level: 40, server: `127.0.0.1:${server.port}`, retryMs: 1000 }]);
  });

  it('that does not answer within 5 s is given up', async () => {
    await make();
    out.start();
    clock.advance(5_000);
    expect(await faulty()).toMatchObject({ publicMessage: 'the rtl_tcp server does not answer within 5 s' });
  });

  it('that sends no header, as it does to its second client, is given up', async () => {
    await make({}, Buffer.alloc(0));
    out.start();
    await until('it is connected', () => server.open === 1);
    await until('the source knows', () => {
      clock.advance(2_500);
      return out.faults.length > 0;
    });
    expect((await faulty()).publicMessage).toMatch(/no header, perhaps since it serves another client/);
  });

  it('that falls silent is given up after five looks, and a stall of our own is one', async () => {
    await make();
    out.start();
    await server.connected();
    server.send(Buffer.concat([SETTLING, SAMPLES]));
    await total(12);
    clock.advance(4_000);
    server.send(SAMPLES);
    await total(24);
    clock.stall(60_000);
    clock.advance(3_000);
    expect(out.faults).toEqual([]);
    clock.advance(1_000);
    expect(await faulty()).toMatchObject({ publicMessage: 'the rtl_tcp server sends nothing for 5 s' });
  });

  it('that sends more than the rate it was asked for is a fault, not a faster radio', async () => {
    await make();
    out.start();
    await server.connected();
    server.send(Buffer.concat([SETTLING, SAMPLES]));
    await total(12);
    server.send(Buffer.alloc(2 * 6 * RATE_HZ));
    expect((await faulty()).publicMessage).toMatch(/more than the 1000 samples\/s that it was asked for/);
    await until('it has hung up', () => server.open === 0);
  });

  it('is asked again after 1, 2, 4, 8, 16, 30 and 30 s, and told of once', async () => {
    await make();
    await server.stop();
    out.start();
    const attempts = () => logs.filter(({ msg }) => msg === 'no samples from the rtl_tcp server');
    for (const [count, seconds] of [1, 2, 4, 8, 16, 30, 30].entries()) {
      await until('one more attempt', () => attempts().length === count + 1);
      expect(attempts()[count]).toMatchObject({ retryMs: 1000 * seconds, level: count === 0 ? 40 : 20 });
      clock.advance(1000 * seconds - 1);
      await turns();
      expect(attempts()).toHaveLength(count + 1);
      clock.advance(1);
    }
    expect(out.faults).toHaveLength(1);
    await until('the last attempt', () => attempts().length === 8);
  });

  it('is not asked any more once the source is stopped', async () => {
    await make();
    await server.stop();
    out.start();
    await faulty();
    source.stop();
    expect([clock.timers, source.fault]).toEqual([0, undefined]);
  });

  it('is given up when it takes no commands', async () => {
    await make();
    out.start();
    await server.connected();
    server.pause();
    // Until the buffers of both systems are full.
    for (let count = 1; out.faults.length === 0 && count < 1_000_000; count++) {
      source.tune({ ...source.tuning, centerFrequencyHz: 1e8 + count }, {});
      if (count % 10_000 === 0) await turns();
    }
    expect(await faulty()).toMatchObject({ publicMessage: 'the rtl_tcp server reads no commands' });
  });
});

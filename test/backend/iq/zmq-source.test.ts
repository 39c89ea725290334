import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { pino } from 'pino';
import { systemClock } from '../../../src/backend/clock.ts';
import type { ZmqConfig } from '../../../src/backend/iq/sources/config.ts';
import type { SourceSink } from '../../../src/backend/iq/sources/source.ts';
import { MAX_MESSAGE_BYTES, subscribeZmq, type ZmqListener } from '../../../src/backend/iq/sources/zmq.ts';
import { SILENCE_MS, WATCH_MS, ZmqSource } from '../../../src/backend/iq/sources/zmq-source.ts';
import type { PassbandError } from '../../../src/errors.ts';
import { until } from '../../support/until.ts';
import { ZmqPublisher } from '../../support/zmq-publisher.ts';
import { ManualClock } from '../manual-clock.ts';
import { type Written, type WrittenTag, writeTagged } from './gnuradio-writer.ts';
import { BlockCollector } from './source-under-test.ts';

const TUNING = { sampleRateHz: 1_000_000, centerFrequencyHz: 100_000_000 };
const CONFIG: ZmqConfig = { ...TUNING, endpoint: 'tcp://127.0.0.1:9', datatype: 'ci16_le', tags: true };
const tag = (offset: bigint, key: string, value: Written): WrittenTag => ({ offset, key: { symbol: key }, value });
const time = (wholeS: number, fractionS: number): Written => ({
  tuple: [{ uint64: BigInt(wholeS) }, { double: fractionS }],
});

let clock: ManualClock;
let source: ZmqSource;
let out: BlockCollector;
let log: Record<string, unknown>[];
/** The subscription that is open; undefined while none is. */
let listener: ZmqListener | undefined;
let subscriptions: number;
/** What the machine throws instead of a subscription. */
let refusal: Error | undefined;

function make(changes: Partial<ZmqConfig> = {}): void {
  source = new ZmqSource(
    { ...CONFIG, ...changes },
    {
      stationId: 'gr',
      clock,
      log: pino({ level: 'debug' }, { write: (line: string) => log.push(JSON.parse(line)) }),
      subscribe: (_endpoint, heard) => {
        subscriptions++;
        if (refusal !== undefined) throw refusal;
        listener = heard;
        return () => {
          listener = undefined;
        };
      },
    },
  );
  out = new BlockCollector(source, 4);
  out.start();
}
const say = (...parts: readonly Uint8Array[]): void => listener?.message(parts);
/** Samples, 4 bytes each. */
const items = (count: number): Buffer => Buffer.alloc(4 * count, 1);
const indices = (): readonly (readonly [number, number])[] =>
  out.blocks.map(({ sampleIndex, count }) => [sampleIndex, count]);
const toSilence = (): void => clock.advance(SILENCE_MS + WATCH_MS);

beforeEach(() => {
  clock = new ManualClock();
  log = [];
  listener = undefined;
  subscriptions = 0;
  refusal = undefined;
});
afterEach(() => {
  source.stop();
  source.close();
});

describe('messages of a sink with tags', () => {
  it('lie where their offsets say; what is missing is a gap, and empty ones change nothing', () => {
    make();
    say(writeTagged(5000n, items(10)));
    say(writeTagged(5010n, items(0)));
    say(writeTagged(5010n, items(10)));
    say(writeTagged(5027n, items(3)));
    expect(indices()).toEqual([
      [0, 10],
      [10, 10],
      [27, 3],
    ]);
  });

  it('may have a key in front', () => {
    make();
    say(Buffer.from('key'), writeTagged(0n, items(10)));
    expect(indices()).toEqual([[0, 10]]);
  });

  test.each<[what: string, parts: readonly Uint8Array[], reason: RegExp]>([
    ['no header', [items(10)], /does not begin with a header of tags/],
    ['half a sample', [writeTagged(10n, Buffer.alloc(41))], /41 bytes of samples: no whole number of ci16_le/],
    ['broken tags', [writeTagged(10n, items(1), [tag(10n, 'x', null)]).subarray(0, 25)], /ends within/],
    ['no part', [], /0 parts/],
    ['three parts', [items(1), items(1), items(1)], /3 parts/],
  ])('with %s are dropped and told of; the loss is exact by the next', (_what, parts, reason) => {
    make();
    say(writeTagged(0n, items(10)));
    say(...parts);
    say(...parts);
    say(writeTagged(20n, items(10)));
    expect(indices()).toEqual([
      [0, 10],
      [20, 10],
    ]);
    expect(source.fault).toBeUndefined();
    const complaints = log.filter(({ msg }) => msg === 'messages of a ZeroMQ sink dropped');
    expect(complaints).toEqual([
      expect.objectContaining({ station: 'gr', messages: 1, reason: expect.stringMatching(reason) }),
    ]);
    clock.advance(10_000);
    say(...parts);
    expect(log.filter(({ msg }) => msg === 'messages of a ZeroMQ sink dropped')[1]).toMatchObject({ messages: 2 });
  });

  it('of a flowgraph that began anew lie behind a gap by the clock', () => {
    make();
    say(writeTagged(7000n, items(10)));
    listener?.disconnected();
    clock.advance(2000);
    say(writeTagged(0n, items(1000)));
    expect(indices()).toEqual([
      [0, 10],
      [2_000_010 - 1000, 1000],
    ]);
    expect(log.map(({ msg }) => msg)).toEqual([expect.stringContaining('began anew')]);
  });

  it('change the tuning from the tagged sample on', () => {
    make();
    say(
      writeTagged(0n, items(30), [
        tag(10n, 'rx_freq', { double: 433e6 }),
        tag(20n, 'rx_rate', { double: 2e6 }),
        tag(20n, 'rx_freq', { double: 433e6 }),
      ]),
    );
    expect(
      out.blocks.map(({ sampleIndex, count, sampleRateHz, centerFrequencyHz }) => [
        sampleIndex,
        count,
        sampleRateHz,
        centerFrequencyHz,
      ]),
    ).toEqual([
      [0, 10, 1e6, 100e6],
      [10, 10, 1e6, 433e6],
      [20, 10, 2e6, 433e6],
    ]);
    expect(source.tuning).toEqual({ sampleRateHz: 2e6, centerFrequencyHz: 433e6 });
    const [first, second, third] = out.blocks;
    expect(Number((third?.timestampNs ?? 0n) - (first?.timestampNs ?? 0n))).toBe(20_000);
    expect(Number((second?.timestampNs ?? 0n) - (first?.timestampNs ?? 0n))).toBe(10_000);
  });

  it('show by the time of the receiver what it lost itself, and when their samples were received', () => {
    make();
    const startS = Number(ManualClock.START_NS / 1_000_000_000n);
    say(writeTagged(0n, items(100), [tag(0n, 'rx_time', time(startS, 0.5))]));
    // 100 samples and 125 microseconds on.
    say(writeTagged(100n, items(100), [tag(100n, 'rx_time', time(startS, 0.500125))]));
    say(writeTagged(200n, items(100)));
    expect(indices()).toEqual([
      [0, 100],
      [125, 100],
      [225, 100],
    ]);
    expect(Number((out.blocks[0]?.timestampNs ?? 0n) - ManualClock.START_NS)).toBe(500_000_000);
    expect(Number((out.blocks[2]?.timestampNs ?? 0n) - ManualClock.START_NS)).toBe(500_225_000);
  });
});

describe('messages of a sink without tags', () => {
  it('follow one another, since nobody knows what is missing; after a break the clock says where they lie', () => {
    make({ tags: false });
    clock.advance(100);
    say(items(10));
    clock.advance(100);
    say(items(10));
    listener?.disconnected();
    clock.advance(100);
    say(items(10));
    expect(indices()).toEqual([
      [0, 10],
      [10, 10],
      [100_010, 10],
    ]);
  });

  it('that are no whole number of samples are dropped, as those with tags are', () => {
    make({ tags: false });
    say(writeTagged(0n, items(10)));
    expect(out.blocks).toEqual([]);
    expect(log[0]).toMatchObject({ reason: expect.stringContaining('no whole number of ci16_le, and without tags') });
  });

  it('tell about how many seem to be missing where they come too late for long', () => {
    make({ tags: false });
    let suspected = 0;
    source.stop();
    const sink: SourceSink = {
      samples: () => {},
      failed: (fault) => {
        throw fault;
      },
      suspected: (samples) => {
        suspected += samples;
      },
    };
    source.start(sink);
    for (let i = 0; i < 300; i++) {
      clock.advance(100);
      if (i < 100 || i >= 120) say(items(100_000));
    }
    expect(suspected).toBe(2_000_000);
    expect(log).toEqual([
      expect.objectContaining({ samples: 2_000_000, msg: expect.stringContaining('seem to be lost') }),
    ]);
  });
});

describe('a sink that is silent', () => {
  it('is a fault after five seconds; the connection is made anew until samples come', () => {
    make();
    say(writeTagged(0n, items(10)));
    clock.advance(SILENCE_MS - WATCH_MS);
    expect(source.fault).toBeUndefined();
    clock.advance(WATCH_MS);
    expect(out.faults).toEqual([source.fault]);
    expect(source.fault).toMatchObject({
      code: 'UNAVAILABLE',
      publicMessage: expect.stringContaining('is its flowgraph running?'),
    });
    expect(source.fault?.publicMessage).not.toContain('127.0.0.1');
    for (let i = 0; i < 3; i++) toSilence();
    expect(subscriptions).toBe(5);
    expect(out.faults).toHaveLength(1);
    say(writeTagged(17n, items(10)));
    expect(source.fault).toBeUndefined();
    expect(indices()).toEqual([
      [0, 10],
      [17, 10],
    ]);
    expect(log.map(({ msg }) => msg)).toEqual([
      'no samples from a ZeroMQ sink',
      'samples from a ZeroMQ sink come again',
    ]);
  });

  it('is one that sends what cannot be read, and the fault says why', () => {
    make();
    for (let ms = 0; ms < SILENCE_MS; ms += 100) {
      say(items(10));
      clock.advance(100);
    }
    expect(source.fault?.publicMessage).toContain(
      'sends nothing that can be read: a message does not begin with a header',
    );
  });

  it('is one that cannot be subscribed to: a fault at once, tried again until it can be', () => {
    refusal = new Error('EMFILE');
    make();
    expect(out.faults).toEqual([source.fault]);
    expect(source.fault).toMatchObject({
      code: 'UNAVAILABLE',
      publicMessage: 'the GNU Radio sink of this station cannot be subscribed to',
      cause: refusal,
    });
    for (let i = 0; i < 3; i++) toSilence();
    expect([subscriptions, out.faults.length]).toEqual([4, 1]);
    refusal = undefined;
    toSilence();
    say(writeTagged(0n, items(10)));
    expect(source.fault).toBeUndefined();
    expect(out.total).toBe(10);
  });

  it('takes nothing down when the machine has no place for the next connection', () => {
    make();
    say(writeTagged(0n, items(10)));
    refusal = new Error('EMFILE');
    toSilence();
    expect(out.faults).toEqual([source.fault]);
    refusal = undefined;
    toSilence();
    say(writeTagged(10n, items(10)));
    expect(source.fault).toBeUndefined();
    expect(out.total).toBe(20);
  });

  it('is none that was stopped: whoever starts it again shall see for himself', () => {
    make();
    toSilence();
    source.stop();
    expect(source.fault).toBeUndefined();
    expect(clock.timers).toBe(0);
    expect(listener).toBeUndefined();
  });
});

test('its tuning is the flowgraph’s', () => {
  make();
  source.tune(TUNING, {});
  expect(() => source.tune({ ...TUNING, centerFrequencyHz: 1e6 }, {})).toThrow(/flowgraph of this station decides/);
  expect(() => source.tune(TUNING, { gainDb: 3 })).toThrow(/flowgraph of this station decides/);
  expect(() => source.tune(TUNING, { frequencyCorrectionPpm: 3 })).toThrow(/flowgraph of this station decides/);
});

describe('over TCP', () => {
  let publisher: ZmqPublisher;
  let real: ZmqSource;
  let faults: PassbandError[];
  let came: number[];
  beforeEach(async () => {
    make();
    publisher = new ZmqPublisher();
    await publisher.open();
    faults = [];
    came = [];
    const context = { stationId: 'gr', clock: systemClock, log: pino({ level: 'silent' }), subscribe: subscribeZmq };
    real = new ZmqSource({ ...CONFIG, endpoint: publisher.endpoint }, context);
    real.start({ samples: ({ bytes }) => came.push(bytes.length), failed: (fault) => faults.push(fault) });
    await publisher.subscribed();
  });
  afterEach(() => {
    real.stop();
    real.close();
    publisher.close();
  });

  it('takes a message of the largest size, and comes back after a larger one', async () => {
    const header = writeTagged(0n, Buffer.alloc(0)).length;
    // Whole samples: the header has an odd length.
    const largest = 4 * Math.floor((MAX_MESSAGE_BYTES - header) / 4);
    await publisher.send(writeTagged(0n, Buffer.alloc(largest)));
    await until('the largest', () => came.length === 1);
    await publisher.send(writeTagged(0n, Buffer.alloc(MAX_MESSAGE_BYTES)));
    // The connection is broken off, and made anew when nothing has come for long.
    await publisher.subscribed();
    await publisher.send(writeTagged(0n, Buffer.alloc(400)));
    await until('the next', () => came.length === 2);
    expect(came).toEqual([largest, 400]);
    expect(faults).not.toEqual([]);
    expect(real.fault).toBeUndefined();
  });
});

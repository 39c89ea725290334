import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Datatype } from '../../../src/backend/iq/formats.ts';
import type { EndReason } from '../../../src/backend/iq/frames/frame-origin.ts';
import { FrameReader } from '../../../src/backend/iq/frames/frame-reader.ts';
import type { ReadFrom } from '../../../src/backend/iq/frames/read-from.ts';
import { StationHub } from '../../../src/backend/iq/hub.ts';
import { MAX_TAPS } from '../../../src/backend/iq/readers.ts';
import type { SourceKind } from '../../../src/backend/iq/sources/source.ts';
import { StreamCounters } from '../../../src/backend/iq/stream-counters.ts';
import type { RingConfig } from '../../../src/backend/stations/station-config.ts';
import { PassbandError } from '../../../src/errors.ts';
import { ManualClock } from '../manual-clock.ts';
import { allOf, bytesOf, HandSource, type SeenFrame, Sums } from './made-by-hand.ts';

let clock: ManualClock;
let sums: Sums;

beforeEach(() => {
  clock = new ManualClock();
  sums = new Sums();
});

interface Setup {
  readonly datatype?: Datatype;
  readonly kind?: SourceKind;
  readonly ring?: RingConfig;
}

function setUp({ datatype, kind, ring }: Setup = {}): { source: HandSource; hub: StationHub } {
  const source = new HandSource(datatype, kind);
  return { source, hub: new StationHub('s', source, clock, sums, ring) };
}

/** Joins; `ends` gets the reason when it ends. */
function join(hub: StationHub, ends: EndReason[] = []): () => void {
  return hub.join({ onSamples: () => undefined, onEnd: (reason) => ends.push(reason) });
}

const reader = (hub: StationHub, batch: number, from: ReadFrom = { kind: 'live' }, as = hub.datatype): FrameReader =>
  new FrameReader(hub, hub.shelves.borrow(as, batch), from);

const lostIn = (frames: readonly SeenFrame[]): number => frames.reduce((sum, { lost }) => sum + lost, 0);
const samplesIn = (frames: readonly SeenFrame[]): number =>
  frames.reduce((sum, { start, end }) => sum + end - start, 0);

/** The reason that a call throws, as its code. */
function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return PassbandError.from(error).code;
  }
  return 'OK';
}

describe('what a source loses', () => {
  it.each([3, 64, 1000, 8192])('is told to the sample, in frames of %i', (batch) => {
    const { source, hub } = setUp();
    join(hub);
    const counters = new StreamCounters(clock, hub);
    const live = reader(hub, batch);
    const frames: SeenFrame[] = [];
    let skipped = 0;
    // Two in a hundred blocks are lost, of lengths that no frame divides.
    for (let block = 0; block < 400; block++) {
      const samples = Math.min(9 * batch, 700) + (block % 13);
      if (block % 50 === 17) {
        source.skip(samples);
        skipped += samples;
      } else source.make(samples);
      frames.push(...allOf(live));
    }
    expect(skipped).toBeGreaterThan(0);
    expect(sums.lostBy).toEqual({ slow_reader: 0, source_gap: skipped });
    expect(counters.snapshot()).toMatchObject({ source_lost_samples: skipped, packets_lost: 0 });
    expect(lostIn(frames)).toBe(skipped);
    expect(lostIn(frames) + samplesIn(frames)).toBe(frames.at(-1)?.end);
    expect(frames.every(({ start, end, data }) => data.equals(bytesOf(start, end - start, 'cu8')))).toBe(true);
  });

  it('while nobody listened is no loss', () => {
    const { source, hub } = setUp();
    const leave = join(hub);
    source.make(1000);
    leave();
    clock.advance(5001);
    expect(source.running).toBe(false);
    source.skip(1_000_000);
    join(hub);
    const live = reader(hub, 100);
    source.make(1000);
    expect(lostIn(allOf(live))).toBe(0);
    expect(sums.lostBy.source_gap).toBe(0);
    expect(hub.counts.lostSamples).toBe(0);
  });

  it('is lost to who names a number from before', () => {
    const { source, hub } = setUp();
    const leave = join(hub);
    source.make(1000);
    leave();
    clock.advance(5001);
    source.skip(1_000_000);
    join(hub);
    source.make(1000);
    const [first] = allOf(reader(hub, 100, { kind: 'after', sequence: 9n, epoch: hub.epoch }));
    expect(first).toMatchObject({ start: 1_001_000, lost: 1_000_000 });
  });
});

describe('a station that is stopped', () => {
  it('leaves what has come to its readers, to the last sample, and goes on without a loss', () => {
    const { source, hub } = setUp();
    join(hub);
    const [one, two] = [reader(hub, 100), reader(hub, 100)];
    source.make(250);
    hub.end('stopped');
    one.finish();
    expect(allOf(one).map(({ start, end }) => [start, end])).toEqual([
      [0, 100],
      [100, 200],
      [200, 250],
    ]);
    join(hub);
    source.make(250);
    // One read what there was when it was stopped; another goes on, as does who resumes.
    expect(allOf(one)).toEqual([]);
    const resumed = reader(hub, 100, { kind: 'after', sequence: 2n, epoch: hub.epoch });
    const after = [
      [3, 250, 400, 0],
      [4, 400, 500, 0],
    ];
    const rows = (frames: readonly SeenFrame[]): number[][] =>
      frames.map(({ sequence, start, end, lost }) => [sequence, start, end, lost]);
    expect(rows(allOf(resumed))).toEqual(after);
    expect(rows(allOf(two)).slice(3)).toEqual(after);
  });
});

describe('a slow reader', () => {
  it('loses the oldest, which is counted to it and apart from what the source lost', () => {
    const { source, hub } = setUp({ ring: { bytes: 65_536 } });
    join(hub);
    const counters = new StreamCounters(clock, hub);
    const [fast, slow] = [reader(hub, 1000), reader(hub, 1000)];
    for (let i = 0; i < 100; i++) {
      if (i === 90) source.skip(500);
      source.make(1000);
      for (let frame = fast.next(); frame !== undefined; frame = fast.next()) counters.sent(frame);
    }
    let missed = 0;
    for (let frame = slow.next(); frame !== undefined; frame = slow.next()) {
      counters.sent(frame);
      missed += frame.samplesMissed;
    }
    // The ring holds 32,768 of the 100,500; the frame that they begin in is gone.
    expect(missed).toBe(68_000);
    expect(sums.lostBy).toEqual({ slow_reader: 68_000, source_gap: 500 });
    expect(counters.snapshot()).toMatchObject({ packets_lost: 68, source_lost_samples: 500 });
  });
});

describe('a rate that the source changes by itself', () => {
  it('resizes the ring, and nothing that was held is lost', () => {
    const { source, hub } = setUp();
    join(hub);
    const late = reader(hub, 1000);
    source.make(2500);
    const { capacitySamples } = hub.ring;
    source.tune({ ...source.tuning, sampleRateHz: 2_000_000 });
    source.make(2500);
    expect(hub.ring.capacitySamples).toBe(2 * capacitySamples);
    const frames = allOf(late);
    expect(frames.map(({ start, end, sampleRateHz }) => [start, end, sampleRateHz])).toEqual([
      [0, 1000, 1e6],
      [1000, 2000, 1e6],
      [2000, 2500, 1e6],
      [2500, 4000, 2e6],
      [4000, 5000, 2e6],
    ]);
    expect(frames.every(({ start, end, data }) => data.equals(bytesOf(start, end - start, 'cu8')))).toBe(true);
    expect(lostIn(frames)).toBe(0);
  });
});

describe('the size of a ring', () => {
  it.each<readonly [RingConfig | undefined, Datatype, number, number]>([
    [undefined, 'cu8', 5_000_000, 262_144],
    [undefined, 'cf32_le', 5_000_000, 262_144],
    [{ seconds: 8 }, 'cf32_le', 8_000_000, 262_144],
    [{ seconds: 60 }, 'cf32_le', 8_388_608, 262_144],
    [{ seconds: 60, bytes: 4_294_967_296 }, 'cf32_le', 60_000_000, 262_144],
    [{ seconds: 0.1 }, 'cf32_le', 1_048_576, 262_144],
    [{ bytes: 65_536 }, 'cf32_le', 8192, 2048],
    [{ bytes: 65_536 }, 'cu8', 32_768, 8192],
  ])('%j of %s at 1 MS/s: %i samples, frames of %i at most', (ring, datatype, capacity, longest) => {
    const { hub } = setUp({ datatype, ...(ring === undefined ? {} : { ring }) });
    expect(hub.ring.capacitySamples).toBe(capacity);
    expect(hub.ringSeconds).toBe(capacity / 1e6);
    expect(hub.longestFrame).toBe(longest);
  });

  it('follows the rate up and down, and its memory only up', () => {
    const { source, hub } = setUp({ datatype: 'cu8' });
    join(hub);
    const memories = new Set<ArrayBufferLike>();
    for (let i = 0; i < 200; i++) {
      source.tune({ ...source.tuning, sampleRateHz: i % 2 === 0 ? 1_000_000 : 1_000_000 + i });
      source.make(10);
      expect(hub.ring.capacitySamples).toBe(5 * source.tuning.sampleRateHz);
      hub.ring.read(hub.ring.head - 10, 10, (bytes) => {
        memories.add(bytes.buffer);
        expect([...bytes]).toEqual([...bytesOf(hub.ring.head - 10, 10, 'cu8')]);
      });
    }
    expect([...memories].map(({ byteLength }) => byteLength)).toEqual([10_000_000, 20_000_000]);
  });

  it('goes on for as long as the ring is meant to reach', () => {
    const { source, hub } = setUp({ ring: { seconds: 60 } });
    join(hub)();
    clock.advance(59_999);
    expect(source.running).toBe(true);
    clock.advance(2);
    expect(source.running).toBe(false);
  });
});

describe('values that do not fit', () => {
  it('are counted once in the metrics, and per reader in the statistics', () => {
    const { source, hub } = setUp({ datatype: 'cf32_le' });
    join(hub);
    const counters = new StreamCounters(clock, hub);
    const readers = [1, 2, 3].map(() => reader(hub, 10, { kind: 'live' }, 'ci16_le'));
    const samples = new Float32Array(40);
    samples[3] = 2;
    samples[25] = -7;
    samples[26] = 1;
    source.make(20, new Uint8Array(samples.buffer));
    for (const each of readers) {
      for (let frame = each.next(); frame !== undefined; frame = each.next()) counters.sent(frame);
    }
    expect(sums.valuesSaturated).toBe(2);
    expect(counters.snapshot()).toMatchObject({ saturated_values: 6 });
    const again = allOf(reader(hub, 10, { kind: 'earliest' }, 'ci16_le'));
    expect(again.map(({ saturated }) => saturated)).toEqual([1, 1]);
    expect(allOf(reader(hub, 10, { kind: 'earliest' }, 'cf32_le')).map(({ saturated }) => saturated)).toEqual([0, 0]);
  });

  it('because the correction of Doppler turned them are counted too', () => {
    const { source, hub } = setUp({ datatype: 'ci8' });
    join(hub);
    hub.correctDoppler({ shiftHz: 125_000, rateHzPerS: 0 });
    // An eighth of a turn a sample: the corner (127, 127) comes to lie on an axis, 180 long.
    source.make(8, new Uint8Array(16).fill(127));
    expect(sums.valuesSaturated).toBeGreaterThan(0);
    expect(hub.counts.saturatedValues).toBe(sums.valuesSaturated);
  });
});

describe('a source that fails', () => {
  it('ends its readers with its fault, refuses new ones, and serves on when it is well again', () => {
    const { source, hub } = setUp();
    const ends: EndReason[] = [];
    join(hub, ends);
    join(hub, ends);
    source.make(100);
    source.fail();
    expect(ends.map((reason) => reason instanceof PassbandError && reason.code)).toEqual([
      'UNAVAILABLE',
      'UNAVAILABLE',
    ]);
    expect(codeOf(() => join(hub))).toBe('UNAVAILABLE');
    // It tries again for as long as the station is started, whether anybody listens or not.
    clock.advance(3_600_000);
    expect(source.running).toBe(true);
    source.skip(50);
    source.make(100);
    const leave = join(hub);
    expect(sums.faults).toBe(1);
    expect(hub.counts).toMatchObject({ faults: 1, lostSamples: 50 });
    leave();
  });

  it('stops some time after it is well when nobody listens', () => {
    const { source, hub } = setUp();
    join(hub);
    source.fail();
    clock.advance(60_000);
    source.make(100);
    clock.advance(4000);
    source.make(100);
    clock.advance(1001);
    expect(source.running).toBe(false);
    expect(clock.timers).toBe(0);
  });

  it('and cannot even be started refuses whoever comes, until it can', () => {
    const { source, hub } = setUp();
    source.broken = new Error('EMFILE');
    expect([codeOf(() => join(hub)), codeOf(() => join(hub))]).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect([source.starts, source.running, hub.tapCount, clock.timers]).toEqual([2, false, 0, 0]);
    source.broken = undefined;
    join(hub);
    const live = reader(hub, 100);
    source.make(100);
    expect(samplesIn(allOf(live))).toBe(100);
  });

  it('is asked again by who comes after it was stopped', () => {
    const { source, hub } = setUp();
    join(hub);
    source.fail();
    hub.end('stopped');
    expect(source.running).toBe(false);
    source.fault = undefined;
    expect(codeOf(() => join(hub))).toBe('OK');
    expect(source.starts).toBe(2);
  });
});

describe('who waits for a source', () => {
  const outcome = async (promise: Promise<void>): Promise<string> =>
    promise.then(
      () => 'ready',
      (error: unknown) => PassbandError.from(error).code,
    );

  it('of our own need not wait', async () => {
    const { hub } = setUp();
    join(hub);
    expect(await outcome(hub.ready())).toBe('ready');
    expect(clock.timers).toBe(0);
  });

  it.each(['rtl_tcp', 'zmq', 'push'] as const)('%s hears of the first block, a fault, or nothing', async (kind) => {
    const { source, hub } = setUp({ kind });
    join(hub);
    const [block, again] = [outcome(hub.ready()), outcome(hub.ready())];
    source.make(1);
    expect([await block, await again, await outcome(hub.ready())]).toEqual(['ready', 'ready', 'ready']);
    expect(clock.timers).toBe(0);

    hub.end('stopped');
    join(hub);
    const fault = outcome(hub.ready());
    source.fail();
    expect(await fault).toBe('UNAVAILABLE');
    source.fault = undefined;

    const other = setUp({ kind });
    join(other.hub);
    const nothing = outcome(other.hub.ready());
    clock.advance(3001);
    expect(await nothing).toBe('ready');
  });
});

it('frames are converted once for all readers of a format, and kept for none who reads alone', () => {
  const { source, hub } = setUp({ datatype: 'cf32_le' });
  join(hub);
  const [one, two] = [reader(hub, 100, { kind: 'live' }, 'ci8'), reader(hub, 100, { kind: 'live' }, 'ci8')];
  const alone = reader(hub, 50, { kind: 'live' }, 'ci8');
  source.make(1000);
  const [a, b] = [one.next(), two.next()];
  expect(a?.message).toBe(b?.message);
  const first = alone.next()?.message;
  const again = reader(hub, 50, { kind: 'earliest' }, 'ci8').next()?.message;
  expect(again).not.toBe(first);
  expect(again?.equals(first ?? Buffer.alloc(0))).toBe(true);
});

it(`has ${MAX_TAPS} readers at most`, () => {
  const { hub } = setUp();
  const leaves = Array.from({ length: MAX_TAPS }, () => join(hub));
  expect(codeOf(() => join(hub))).toBe('RESOURCE_EXHAUSTED');
  leaves[0]?.();
  expect(codeOf(() => join(hub))).toBe('OK');
});

it('never has the same epoch twice', () => {
  const epochs = Array.from({ length: 100 }, () => setUp().hub.epoch);
  expect(new Set(epochs).size).toBe(100);
});

import { once } from 'node:events';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { EndReason } from '../../../src/backend/iq/frames/frame-origin.ts';
import { FrameShelf } from '../../../src/backend/iq/frames/frame-shelf.ts';
import { StationHub } from '../../../src/backend/iq/hub.ts';
import { TunedStreams } from '../../../src/backend/iq/tuned/tuned-streams.ts';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { makeTestPki } from '../../support/pki.ts';
import { BackendUnderTest } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { HandSource, Sums } from './made-by-hand.ts';

let clock: ManualClock;
let sums: Sums;
let source: HandSource;
let hub: StationHub;
beforeEach(() => {
  clock = new ManualClock();
  sums = new Sums();
  source = new HandSource();
  hub = new StationHub('s', source, clock, sums);
});

const INTERNAL = expect.objectContaining({ code: 'INTERNAL' });
const breaks = (): never => {
  throw new RangeError('out of memory');
};

it('a reader that cannot take samples', () => {
  const [ends, othersEnds]: EndReason[][] = [[], []];
  let woken = 0;
  hub.join({ onSamples: breaks, onEnd: (reason) => ends?.push(reason) });
  const leave = hub.join({ onSamples: () => woken++, onEnd: (reason) => othersEnds?.push(reason) });
  source.make(100);
  source.make(100);
  expect(ends).toEqual([INTERNAL]);
  expect([woken, othersEnds, hub.tapCount, source.running]).toEqual([2, [], 1, true]);
  leave();
  clock.advance(5001);
  expect(source.running).toBe(false);
});

it('a reader that was the only one: the source is not left running', () => {
  hub.join({ onSamples: breaks, onEnd: () => undefined });
  source.make(100);
  expect(source.running).toBe(true);
  clock.advance(5001);
  expect([source.running, clock.timers]).toEqual([false, 0]);
});

it('a reader of a part of a band, also of what is filtered in later turns', async () => {
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  for (let i = 0; i < 4; i++) source.make(65_536, new Uint8Array(131_072));
  const { origin } = new TunedStreams(hub).open({ offsetHz: 0, decimation: 2 }, { kind: 'earliest' }, 1024);
  const ended = new Promise((resolve) => origin.join({ onSamples: breaks, onEnd: resolve }));
  expect(await ended).toEqual(INTERNAL);
  expect(hub.tapCount).toBe(1);
  clock.advance(5001);
  expect(clock.timers).toBe(0);
});

it('a station whose source makes what cannot be held', () => {
  const ends: EndReason[] = [];
  hub.join({ onSamples: () => undefined, onEnd: (reason) => ends.push(reason) });
  source.make(100);
  source.skip(-100);
  source.make(50);
  expect(ends).toEqual([INTERNAL]);
  expect([sums.faults, hub.counts.faults, source.running, hub.tapCount, clock.timers]).toEqual([1, 1, false, 0, 0]);
  // Who comes next starts it anew.
  source.skip(1000);
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  source.make(100);
  expect(hub.ring.head).toBe(1150);
});

it('a subscription whose frames cannot be made', async () => {
  const pki = await makeTestPki();
  const backend = await BackendUnderTest.start({ pki, clock, stations: DEFAULT_STATIONS });
  const iq = await backend.client('sdr.oran.IQStreamService');
  const subscribe = (request: object) => iq.stream('SubscribeIQ', { station_id: 'sim-1', ...request });
  const other = subscribe({ batch_size_samples: 2000 });
  other.on('error', () => undefined);
  const frame = FrameShelf.prototype.frame;
  const spy = jest.spyOn(FrameShelf.prototype, 'frame').mockImplementation(function (this: FrameShelf, span) {
    // In a turn of its own, which nothing of the station's began.
    return this.batchSize === 100 && span.sequence === 900 ? breaks() : frame.call(this, span);
  });
  try {
    await once(other, 'metadata');
    clock.advance(200);
    const broken = subscribe({ batch_size_samples: 100, start: 'EARLIEST' }).resume();
    const failed = await new Promise((resolve) => broken.once('error', resolve));
    expect(failed).toMatchObject({ code: 13 });
    const going = new Promise((resolve) => other.once('data', resolve));
    clock.advance(100);
    expect(await going).toMatchObject({ sample_count: 2000 });
    other.cancel();
  } finally {
    spy.mockRestore();
    await backend.stop();
    await pki.remove();
  }
});

describe('the memory of a station', () => {
  it('is given back when nobody has read for as long as its ring reaches', () => {
    const leave = hub.join({ onSamples: () => undefined, onEnd: () => undefined });
    source.make(100);
    expect(hub.ring.memoryBytes).toBe(2 * hub.ring.capacitySamples);
    leave();
    clock.advance(4999);
    expect(hub.ring.runs).toHaveLength(1);
    clock.advance(2);
    expect([hub.ring.memoryBytes, hub.ring.runs, hub.ring.head]).toEqual([0, [], 100]);
    hub.join({ onSamples: () => undefined, onEnd: () => undefined });
    source.make(100);
    expect([hub.ring.runs.length, hub.ring.runs[0]?.start, hub.ring.head]).toEqual([1, 100, 200]);
  });

  it('is kept for who was ended by a stop and still reads', () => {
    const slow = hub.join({ onSamples: () => undefined, onEnd: () => undefined });
    source.make(100);
    hub.end('stopped');
    hub.join({ onSamples: () => undefined, onEnd: () => undefined })();
    clock.advance(5001);
    expect([source.running, hub.ring.runs.length]).toEqual([false, 1]);
    slow();
    hub.join({ onSamples: () => undefined, onEnd: () => undefined })();
    clock.advance(5001);
    expect(hub.ring.memoryBytes).toBe(0);
  });

  it('is not made for one who is refused', () => {
    source.fail();
    expect(() => hub.join({ onSamples: () => undefined, onEnd: () => undefined })).toThrow('unplugged');
    expect(hub.ring.memoryBytes).toBe(0);
  });
});

import { expect, it } from '@jest/globals';
import type { EndReason } from '../../../../src/backend/iq/frames/frame-origin.ts';
import { FrameReader } from '../../../../src/backend/iq/frames/frame-reader.ts';
import type { ReadFrom } from '../../../../src/backend/iq/frames/read-from.ts';
import { StationHub } from '../../../../src/backend/iq/hub.ts';
import { TunedStreams } from '../../../../src/backend/iq/tuned/tuned-streams.ts';
import { ManualClock } from '../../manual-clock.ts';
import { HandSource, type SeenFrame, Sums, seen } from '../made-by-hand.ts';

const DECIMATION = 2;
const BATCH = 8192;
/** More than the ring of a part holds, which is 2,097,152 samples, and less than the station's. */
const PAST = 5_000_000;
const BLOCK = new Uint8Array(2 * 65_536);

function setUp(past = 0): { source: HandSource; hub: StationHub; tuned: TunedStreams } {
  const source = new HandSource();
  source.tuning = { ...source.tuning, sampleRateHz: 100_000 };
  const hub = new StationHub('s', source, new ManualClock(), new Sums(), { seconds: 60 });
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  while (source.nextIndex() < past) source.make(65_536, BLOCK);
  return { source, hub, tuned: new TunedStreams(hub) };
}

/** A reader of a part: reads when it is told to. */
class PartReader {
  readonly frames: SeenFrame[] = [];
  ended: EndReason | undefined;
  readonly leave: () => void;
  readonly reader: FrameReader;

  constructor(tuned: TunedStreams, from: ReadFrom, offsetHz = 0) {
    const part = tuned.open({ offsetHz, decimation: DECIMATION }, from, BATCH);
    this.leave = part.origin.join({
      onSamples: () => undefined,
      onEnd: (reason) => {
        this.ended = reason;
        this.reader.finish();
      },
      progress: () => this.reader,
    });
    this.reader = new FrameReader(part.origin, part.origin.shelves.borrow('cf32_le', BATCH), part.from);
  }

  /** Takes what is there; whether there was anything. */
  read(): boolean {
    const before = this.frames.length;
    for (let frame = this.reader.next(); frame !== undefined; frame = this.reader.next()) this.frames.push(seen(frame));
    return this.frames.length > before;
  }

  get lost(): number {
    return this.frames.reduce((sum, { lost }) => sum + lost, 0);
  }

  get end(): number {
    return this.frames.at(-1)?.end ?? 0;
  }
}

/** Lets everything run that is due, for so many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Reads until there is nothing for many turns. */
async function readAll(reader: PartReader): Promise<void> {
  for (let idle = 0; idle < 5; idle++) {
    if (reader.read()) idle = 0;
    await turns(1);
  }
}

const EARLIEST: ReadFrom = { kind: 'earliest' };

it('is filtered to the last sample when the station is stopped', () => {
  const { source, hub, tuned } = setUp();
  const reader = new PartReader(tuned, { kind: 'live' });
  source.make(40_000, BLOCK.subarray(0, 80_000));
  hub.end('stopped');
  expect(reader.ended).toBe('stopped');
  reader.read();
  const { starts, ends } = { starts: reader.frames.map(({ start }) => start), ends: reader.end };
  expect(starts).toEqual([8192, 16_384]);
  // All but what the filter has to wait for.
  expect(ends).toBeGreaterThan(19_900);
  expect(ends).toBeLessThanOrEqual(20_000);
});

it('is filtered to the last sample when the station is stopped while the past is replayed', async () => {
  const { source, hub, tuned } = setUp(PAST);
  const reader = new PartReader(tuned, EARLIEST);
  hub.end('stopped');
  expect(reader.ended).toBeUndefined();
  // What comes behind the stop is not for it.
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  source.make(65_536, BLOCK);
  await readAll(reader);
  expect(reader.ended).toBe('stopped');
  const stoppedAt = (source.nextIndex() - 65_536) / DECIMATION;
  expect([reader.lost, reader.end > stoppedAt - 100, reader.end <= stoppedAt]).toEqual([0, true, true]);
});

it('is gone at once when the source fails, and when nobody reads it any more', () => {
  const { source, hub, tuned } = setUp(PAST);
  const [failed, left] = [new PartReader(tuned, EARLIEST), new PartReader(tuned, EARLIEST, 1000)];
  left.leave();
  hub.end('stopped');
  expect(failed.ended).toBeUndefined();
  failed.leave();
  const { tuned: others, source: other } = setUp(PAST);
  const replayed = new PartReader(others, EARLIEST);
  other.fail();
  expect(replayed.ended).toBe(other.fault);
  expect(source.running).toBe(false);
});

it('waits for who reads its past, however long that pauses', async () => {
  const { source, tuned } = setUp(PAST);
  const reader = new PartReader(tuned, EARLIEST);
  await turns(60);
  expect(reader.read()).toBe(true);
  await turns(60);
  await readAll(reader);
  expect(reader.lost).toBe(0);
  expect(reader.end).toBeGreaterThan(source.nextIndex() / DECIMATION - BATCH - 100);
  const samples = reader.frames.reduce((sum, { start, end }) => sum + end - start, 0);
  expect(samples).toBe(reader.end - (reader.frames[0]?.start ?? 0));
});

it('lets nobody wait for one who pauses: neither who reads the past too, nor who wants the present', async () => {
  const { source, tuned } = setUp(PAST);
  const [paused, reading] = [new PartReader(tuned, EARLIEST), new PartReader(tuned, EARLIEST)];
  await turns(60);
  const live = new PartReader(tuned, { kind: 'live' });
  source.make(65_536, BLOCK);
  await readAll(live);
  expect(live.end).toBeGreaterThan(source.nextIndex() / DECIMATION - BATCH - 100);
  await readAll(reading);
  expect([reading.lost, reading.end]).toEqual([0, live.end]);
  // Who was overtaken is told what it has missed.
  await readAll(paused);
  const samples = paused.frames.reduce((sum, { start, end }) => sum + end - start, 0);
  expect(paused.lost).toBeGreaterThan(0);
  expect(paused.lost + samples).toBe(paused.end - (reading.frames[0]?.start ?? 0));
});

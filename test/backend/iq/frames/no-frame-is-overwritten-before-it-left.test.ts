import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../../../src/backend/stations/default-stations.ts';
import { until } from '../../../support/until.ts';
import { BackendUnderTest, type Caller, fixture, type Message } from '../../backend-under-test.ts';
import { ManualClock } from '../../manual-clock.ts';

/** Samples of a frame; at two bytes each, what is in flight to one reader holds eight. */
const BATCH = 65_536;
const SAMPLE_RATE_HZ = 2e6;
const BYTES_PER_SAMPLE = 2;
/** Bytes that a client takes without reading (its flow-control window), and as much again. */
const MORE_THAN_A_WINDOW_BYTES = 16 * 1024 * 1024;

let clock: ManualClock;
let backend: BackendUnderTest;
let recording: Buffer;

beforeEach(async () => {
  clock = new ManualClock();
  backend = await BackendUnderTest.start({ clock, stations: DEFAULT_STATIONS });
  recording = await fixture('modes1.sigmf-data');
});
afterEach(() => backend.stop());

/** What comes to a reader is compared with the recording as it comes. */
class Reader {
  readonly stream: ReturnType<Caller['stream']>;
  frames = 0;
  /** Index after the last sample that came. */
  end = 0;
  /** Indices of frames of which a byte is not the recording's, or that do not follow the one before. */
  readonly wrong: number[] = [];

  constructor(iq: Caller) {
    this.stream = iq.stream('SubscribeIQ', { station_id: 'adsb', batch_size_samples: BATCH });
    this.stream.on('error', () => undefined);
    this.stream.on('data', (message: Message) => this.#take(message));
  }

  #take({ sample_index, lost_samples, data = Buffer.alloc(0) }: Message): void {
    const index = Number(sample_index);
    // A frame in the place of another is whole in itself.
    if (this.frames > 0 && index - Number(lost_samples) !== this.end) this.wrong.push(index);
    this.frames++;
    this.end = index + data.length / BYTES_PER_SAMPLE;
    for (let at = 0; at < data.length; ) {
      const from = (index * BYTES_PER_SAMPLE + at) % recording.length;
      const length = Math.min(data.length - at, recording.length - from);
      if (data.compare(recording, from, from + length, at, at + length) !== 0) {
        this.wrong.push(index);
        break;
      }
      at += length;
    }
  }

  has(samples: number): Promise<unknown> {
    // Or what came is wrong already, and more would not come.
    return until(`${samples} samples have come`, () => this.wrong.length > 0 || this.end + BATCH > samples);
  }
}

async function join(): Promise<Reader> {
  // A connection each: they share a window otherwise.
  const reader = new Reader(await backend.client('sdr.oran.IQStreamService'));
  await once(reader.stream, 'metadata');
  return reader;
}

const wholeBatches = (samples: number): number => Math.floor(samples / BATCH) * BATCH;

it('every frame that reaches a reader is whole: one that is slow, others that come and go, one that is cancelled', async () => {
  let samples = 0;
  const pass = (ms: number): void => {
    clock.advance(ms);
    samples += (ms / 1000) * SAMPLE_RATE_HZ;
  };
  // Alone at first, so that the memory of its frames is used again and again.
  const slow = await join();
  for (let i = 0; i < 10; i++) {
    pass(100);
    await slow.has(wholeBatches(samples));
  }
  slow.stream.pause();
  const windowMs = (MORE_THAN_A_WINDOW_BYTES / BYTES_PER_SAMPLE / SAMPLE_RATE_HZ) * 1000;
  pass(Math.ceil(windowMs / 100) * 100);
  const [second, cancelled] = [await join(), await join()];
  cancelled.stream.pause();
  for (let i = 0; i < 10; i++) {
    pass(100);
    await second.has(wholeBatches(samples));
  }
  cancelled.stream.cancel();
  await until('the backend has seen it go', () => backend.log.some(({ code }) => code === 'CANCELLED' || code === 1));
  second.stream.cancel();
  // Alone again: what it had in flight all the while leaves now.
  slow.stream.resume();
  for (let i = 0; i < 10; i++) {
    pass(100);
    await slow.has(wholeBatches(samples));
  }
  slow.stream.cancel();
  expect({ slow: slow.wrong, second: second.wrong, cancelled: cancelled.wrong }).toEqual({
    slow: [],
    second: [],
    cancelled: [],
  });
  expect(slow.frames).toBeGreaterThan(100);
});

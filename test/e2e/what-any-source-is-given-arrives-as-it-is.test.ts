// needs: curl, scipy
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import type { Datatype } from '../../src/backend/iq/formats.ts';
import { ManualClock } from '../backend/manual-clock.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { curlEvents } from '../support/curl-events.ts';
import { PushFeed } from '../support/feeds/push-feed.ts';
import { RtlTcpFeed } from '../support/feeds/rtl-tcp-feed.ts';
import { SigmfFeed } from '../support/feeds/sigmf-feed.ts';
import { SimFeed } from '../support/feeds/sim-feed.ts';
import { CHUNK, type SourceFeed, TUNING } from '../support/feeds/source-feed.ts';
import { inDatatype, RATE_HZ, TONE_HZ } from '../support/feeds/tone-content.ts';
import { ZmqFeed } from '../support/feeds/zmq-feed.ts';
import { type Frame, FrameReader } from '../support/frames.ts';
import { type Look, lookAtSamples, type Seen } from '../support/look-at-samples.ts';
import { RecordingFolder } from '../support/sigmf-recording.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Samples of a download, of a frame, and what is given before one is lost. */
const SAMPLES = 65_536;
const BATCH = 1024;
const CHUNKS = 16;
/** Of the spectrum: points, and segments that overlap by half. */
const POINTS = 4096;
const AVERAGES = 3;

interface Row {
  readonly station: string;
  readonly feed: (clock: ManualClock) => SourceFeed | Promise<SourceFeed>;
  /** What a reader asks for, where that is not the feed's own datatype. */
  readonly reads?: Datatype;
}

/** Every source and every datatype that it can have. */
const ROWS: readonly Row[] = [
  { station: 'sim-cf32', feed: (clock) => new SimFeed(clock) },
  { station: 'sim-ci16', feed: (clock) => new SimFeed(clock), reads: 'ci16_le' },
  { station: 'sim-ci8', feed: (clock) => new SimFeed(clock), reads: 'ci8' },
  { station: 'sim-cu8', feed: (clock) => new SimFeed(clock), reads: 'cu8' },
  { station: 'sigmf-cf32', feed: (clock) => SigmfFeed.make(clock, 'cf32_le', folder) },
  { station: 'sigmf-ci16', feed: (clock) => SigmfFeed.make(clock, 'ci16_le', folder) },
  { station: 'sigmf-ci8', feed: (clock) => SigmfFeed.make(clock, 'ci8', folder) },
  { station: 'sigmf-cu8', feed: (clock) => SigmfFeed.make(clock, 'cu8', folder) },
  { station: 'rtl_tcp', feed: (clock) => RtlTcpFeed.make(clock) },
  { station: 'zmq-cf32', feed: (clock) => ZmqFeed.make(clock, 'cf32_le', true) },
  { station: 'zmq-ci16', feed: (clock) => ZmqFeed.make(clock, 'ci16_le', true) },
  { station: 'zmq-ci8', feed: (clock) => ZmqFeed.make(clock, 'ci8', true) },
  { station: 'zmq-cu8', feed: (clock) => ZmqFeed.make(clock, 'cu8', true) },
  { station: 'zmq-untagged', feed: (clock) => ZmqFeed.make(clock, 'ci16_le', false) },
  { station: 'push-cf32', feed: (clock) => new PushFeed(clock, 'cf32_le') },
  { station: 'push-ci16', feed: (clock) => new PushFeed(clock, 'ci16_le') },
  { station: 'push-ci8', feed: (clock) => new PushFeed(clock, 'ci8') },
  { station: 'push-cu8', feed: (clock) => new PushFeed(clock, 'cu8') },
];

interface Spectrum {
  /** Absent for 0. */
  readonly sampleIndex?: string;
  readonly averages: number;
  readonly magnitudeDbm: readonly number[];
  readonly peakFrequencyHz: number;
}

let folder: RecordingFolder;
let stack: Stack;
let curl: Curl;
const feeds = new Map<string, SourceFeed>();
const looks: Look[] = [];

beforeAll(async () => {
  folder = await RecordingFolder.make();
  const clock = new ManualClock();
  for (const { station, feed } of ROWS) feeds.set(station, await feed(clock));
  const stations = [...feeds].map(([stationId, { source }]) => ({ stationId, description: '', source }));
  stack = await startStack({ clock, stations });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
});
afterAll(async () => {
  for (const feed of feeds.values()) await feed.close();
  await stack?.close();
  await folder?.remove();
});

const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex');
const endOf = (frame: Frame | undefined): number => (frame === undefined ? 0 : frame.sampleIndex + frame.samples);

/** Has curl ask for a spectrum of what will come, and waits until it has asked. */
async function askForSpectrum(path: string): Promise<{ readonly answer: Promise<Spectrum> }> {
  const { total } = await stack.backendCalls();
  const query = `fft_size=${POINTS}&averaging=${AVERAGES}&window=SPECTRUM_WINDOW_HANN`;
  const answer = curl(`${path}/spectrum?${query}`).then((got) => got.json() as unknown as Spectrum);
  await until('the spectrum is asked for', async () => (await stack.backendCalls()).total > total);
  return { answer };
}

it.each(ROWS)('$station: bytes, count and gap are what was given', async ({ station, reads }) => {
  const feed = feeds.get(station);
  if (feed === undefined) throw new Error(`no ${station}`);
  const datatype = reads ?? feed.datatype;
  const given = (from: number, count: number): Buffer => {
    const bytes = feed.content(from, count);
    if (datatype === feed.datatype) return bytes;
    return inDatatype(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), datatype);
  };
  const path = `/v1/stations/${station}`;
  await feed.open(station, curl);
  const stream = `${path}/iq?batchSizeSamples=${BATCH}&overflow=block&datatype=${datatype}`;
  const [events] = await Promise.all([curlEvents(curl, stream), feed.begin()]);
  const reader = new FrameReader(events);
  const spectrum = await askForSpectrum(path);

  await feed.give();
  await reader.until(() => reader.frames.length > 0);
  const [first] = reader.frames;
  if (first === undefined) throw new Error('no frame');
  // The number that the feed has given to the first sample: by the sample itself, for nothing like a frame comes again.
  const begin = feed instanceof SimFeed ? first.sampleIndex : numberOf(first.data, given(0, 2 * CHUNK), datatype);
  const origin = first.sampleIndex - begin;
  // All but a frame that is not full yet. What has not come is not to be overtaken by the clock.
  const isRead = (): boolean => endOf(reader.frames.at(-1)) > origin + feed.due - BATCH;
  await reader.until(isRead);
  for (let n = 1; n < CHUNKS; n++) {
    await feed.give();
    await reader.until(isRead);
  }

  const download = await curl(`${path}/iq:download?from=${first.sampleIndex}&samples=${SAMPLES}&datatype=${datatype}`);
  expect({ status: download.status, sha512: sha512(download.body) }).toEqual({
    status: 200,
    sha512: sha512(given(begin, SAMPLES)),
  });
  const { sampleIndex = '0', averages, magnitudeDbm, peakFrequencyHz } = await spectrum.answer;
  expect({ averages, points: magnitudeDbm.length }).toEqual({ averages: AVERAGES, points: POINTS });
  expect(Math.abs(peakFrequencyHz - TUNING.centerFrequencyHz - TONE_HZ)).toBeLessThan(RATE_HZ / POINTS);
  looks.push({
    name: station,
    received: download.body,
    datatype,
    spectrumDb: magnitudeDbm,
    measured: feed.content(Number(sampleIndex) - origin, (POINTS * (AVERAGES + 1)) / 2),
    measuredDatatype: feed.datatype,
  });

  const lost = await feed.lose();
  expect(lost > 0).toBe(station !== 'zmq-untagged');
  for (let n = 0; n < 2; n++) await feed.give();
  await reader.until(isRead);
  expect((await curl.feed('{}', `${path}:stop`, '-H', 'content-type: application/json', '-d', '@-')).status).toBe(200);
  await reader.until(() => reader.end !== undefined);
  expectOneGap(reader, lost);
  let next = first.sampleIndex;
  for (const frame of reader.frames) {
    expect(frame.sampleIndex).toBe(next + frame.lostSamples);
    // Compared here: a failure would print both.
    expect(given(frame.sampleIndex - origin, frame.samples).equals(frame.data)).toBe(true);
    next = endOf(frame);
  }
  // The counter is the clock times the rate: so the feed numbers what it gives, and all of it is there to the last.
  expect(next).toBe(origin + feed.due);
  await feed.close();
});

/** Number of the sample with which `data` begins, in what was given from number 0 on. */
function numberOf(data: Buffer, given: Buffer, datatype: Datatype): number {
  const number = given.indexOf(data) / inDatatype(new Float32Array(2), datatype).length;
  if (!Number.isInteger(number) || number < 0) throw new Error('the first frame is nothing that was given');
  return number;
}

/** The loss is told by a frame to the sample, and by `event: gap` with the ids of the frames that are not there. */
function expectOneGap({ frames, gaps }: FrameReader, lost: number): void {
  const losses = frames.map(({ lostSamples }) => lostSamples);
  expect(losses.filter((each) => each > 0)).toEqual(lost > 0 ? [lost] : []);
  const behind = losses.indexOf(lost);
  const [before = -1, after = -1] = frames.slice(behind - 1, behind + 1).map(({ id }) => id);
  expect(gaps).toEqual(lost > 0 ? [{ lost: after - before - 1, from: before + 1, to: after - 1 }] : []);
}

describe('by numpy and scipy', () => {
  let seen: Seen[];

  beforeAll(async () => {
    expect(looks.map(({ name }) => name)).toEqual(ROWS.map(({ station }) => station));
    seen = await lookAtSamples(folder.dir, RATE_HZ, looks);
  });

  // In eight bits, too: all that rounding adds is 44 dB below a tone of half of full scale, and the noise, which is of
  // the size of a step, spreads it over 65,536 frequencies; each has some 90 dB less than the tone.
  test('the tone is above the centre everywhere, its mirror 60 dB below', () => {
    const wrong = seen.filter(
      ({ peakHz, mirrorDb }) => !(Math.abs(peakHz - TONE_HZ) < RATE_HZ / SAMPLES && mirrorDb > 60),
    );
    expect(wrong).toEqual([]);
  });

  // The bound is the same for integers: both sides measure the 32-bit floats that stand for them.
  test('spectra are what scipy makes of the same samples, to a millionth of the power', () => {
    expect(seen.filter(({ errorDb }) => !(errorDb < 10 * Math.log10(1 + 1e-6)))).toEqual([]);
  });
});

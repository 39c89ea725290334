import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { unpackTar } from 'modern-tar';
import { Registry } from 'prom-client';
import type { StationConfig } from '../../../src/backend/stations/station-config.ts';
import { parseSigmfMetadata } from '../../../src/sigmf/metadata.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { until } from '../../support/until.ts';
import { BackendUnderTest, type Caller, fixture, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { type Downloaded, downloaded } from './downloaded.ts';

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

const STATIONS: readonly StationConfig[] = [
  {
    stationId: 'tape',
    description: 'a recording',
    source: { kind: 'sigmf', file: 'fixtures/recordings/modes1.sigmf-meta' },
  },
  {
    stationId: 'once',
    description: 'a recording that is played once',
    source: { kind: 'sigmf', file: 'fixtures/recordings/modes1.sigmf-meta', loop: false },
  },
  {
    stationId: 'sim',
    description: 'noise',
    source: { kind: 'sim', seed: 1, noiseDbfs: -20, sampleRateHz: 100_000, centerFrequencyHz: 100e6 },
  },
];

describe('DownloadIQ', () => {
  let pki: TestPki;
  let clock: ManualClock;
  let backend: BackendUnderTest;
  let metrics: Registry;
  let iq: Caller;
  let recording: Buffer;
  /** Keeps the station's samples in the ring. */
  let listener: ClientReadableStream<Message>;

  beforeAll(async () => {
    pki = await makeTestPki();
    recording = await fixture('modes1.sigmf-data');
  });
  afterAll(() => pki.remove());

  /** A backend whose station `listenedTo` is being read, so that its ring holds what it makes. */
  async function begin(listenedTo: string): Promise<void> {
    clock = new ManualClock();
    metrics = new Registry();
    backend = await BackendUnderTest.start({ pki, clock, metrics, stations: STATIONS });
    iq = await backend.client('sdr.oran.IQStreamService');
    listener = iq.stream('SubscribeIQ', { station_id: listenedTo });
    listener.on('error', () => {}).resume();
    await once(listener, 'metadata');
  }
  async function end(): Promise<void> {
    listener.cancel();
    await backend.stop();
  }

  const listening = async (station_id: string): Promise<unknown> =>
    (await (await backend.client('sdr.oran.StationService')).unary('GetStation', { station_id })).subscribers;

  const get = (request: object): Promise<Downloaded> =>
    downloaded(iq.stream('DownloadIQ', { station_id: 'tape', ...request }));

  /** The recording's bytes from a sample on, round after round. */
  const played = (from: number, count: number): Buffer => {
    const begin = (from * 2) % recording.length;
    const rounds = Math.ceil((begin + count * 2) / recording.length);
    return Buffer.concat(Array<Buffer>(rounds).fill(recording)).subarray(begin, begin + count * 2);
  };

  describe('of what is held', () => {
    beforeAll(async () => {
      await begin('tape');
      clock.advance(500);
    });
    afterAll(end);

    it('gives the samples as the source made them, and says in headers what they are', async () => {
      const { headers, contentType, body, code } = await get({ from: '200001', samples: '700003' });
      expect(code).toBe(0);
      expect(sha512(body)).toBe(sha512(played(200_001, 700_003)));
      expect(contentType).toBe('application/octet-stream');
      expect(headers).toMatchObject({
        'http-header-content-disposition': 'attachment; filename="tape-20260101T000000Z.cu8"',
        'http-header-x-sample-rate-hz': '2000000',
        'http-header-x-center-frequency-hz': '1090000000',
        'http-header-x-sigmf-datatype': 'cu8',
        'http-header-x-first-sample-index': '200001',
        'http-header-x-first-sample-time': '2026-01-01T00:00:00.100000500Z',
        'http-header-x-epoch': expect.stringMatching(/^17672256000\d\d$/),
      });
    });

    it.each([
      ['a sample index', { from: '150000' }, 150_000],
      ['the time of a sample', { from: '2026-01-01T00:00:00.100Z' }, 200_000],
      ['a time between two samples', { from: '2026-01-01T00:00:00.1000001Z' }, 200_001],
      ['a time in another zone', { from: '2026-01-01T02:30:00.1+02:30' }, 200_000],
      ['seconds back', { from: '-0.25s' }, 500_000],
      ['the oldest sample', { from: 'earliest' }, 0],
    ])('begins with %s', async (_, request, first) => {
      const { headers, body } = await get({ ...request, samples: '1000' });
      expect(headers['http-header-x-first-sample-index']).toBe(String(first));
      expect(body.equals(played(first, 1000))).toBe(true);
    });

    it.each([
      [{ from: 'yesterday' }, '3: from must be a sample index, "earliest", an RFC 3339 time,'],
      [{ from: '-1' }, '3: from must be'],
      [{ from: '2026-01-01T00:00:00' }, '3: from must be'],
      [{ from: '2026-13-01T00:00:00Z' }, '3: from must be'],
      [{ from: '99999999', samples: '1' }, '11: sample 99999999 is not held: station tape holds samples 0 (2026-01-01'],
      [{ from: '-3s', samples: '1' }, '11: what was 3 s ago is not held: station tape holds samples 0 '],
      [{ from: '2025-12-31T23:59:59Z' }, '11: that time is not held: station tape holds samples 0 '],
      [{ from: '2026-01-01T00:00:00.5Z' }, '11: that time is not held'],
      [{ samples: '0' }, '3: samples must be a number from 1 to 2000000000000000 samples'],
      [{ seconds: Number.NaN }, '3: seconds must be a number from 0.000001 to 31622400 s'],
      [{ seconds: -1 }, '3: seconds must be a number from'],
      [{ seconds: Number.POSITIVE_INFINITY }, '3: seconds must be a number from'],
      [{ datatype: 'cf64_le' }, '3: datatype must be one of cf32_le, ci16_le, ci8, cu8, or empty'],
      [{ archive: 'zip', samples: '1' }, '3: archive must be "sigmf", or empty for raw samples'],
      [{ archive: 'sigmf' }, '3: an archive states its size before its first sample: give samples or seconds'],
      [{ station_id: 'nobody' }, '5: there is no station nobody'],
      [{ station_id: 'sim', from: '5' }, '11: sample 5 is not held: station sim holds no samples at present'],
    ])('refuses %j', async (request, refusal) => {
      const { code, details, body } = await get(request);
      expect(`${code}: ${details}`).toContain(refusal);
      expect(body.length).toBe(0);
    });
  });

  describe('with a gap and a retune behind it', () => {
    beforeAll(async () => {
      await begin('sim');
      clock.advance(100);
      // The source makes up for one second; two are missing.
      clock.stall(3000);
      clock.advance(100);
      await iq.unary('StartStream', { station_id: 'sim', center_frequency_hz: 101e6 });
      clock.advance(100);
    });
    afterAll(end);

    it('breaks a raw body off before the gap, and names the samples', async () => {
      const { body, code, details } = await get({ station_id: 'sim', from: 'earliest', samples: '50000' });
      expect(body.length).toBe(10_000 * 8);
      expect(code).toBe(15);
      expect(details).toContain('samples 10000 to 209999 are missing (200000)');
    });

    it('breaks a raw body off where the frequency changes', async () => {
      const { body, code, details } = await get({ station_id: 'sim', from: '300000', samples: '50000' });
      expect(body.length).toBe(20_000 * 8);
      expect(code).toBe(10);
      expect(details).toContain('retuned to 101000000 Hz at sample 320000');
    });

    it('notes both as captures of an archive, which has its number of samples all the same', async () => {
      const request = { station_id: 'sim', from: 'earliest', samples: '125000', datatype: 'ci16_le', archive: 'sigmf' };
      const { headers, contentType, body, code } = await get(request);
      expect(code).toBe(0);
      expect(contentType).toBe('application/x-tar');
      expect(headers['http-header-content-disposition']).toBe('attachment; filename="sim-20260101T000000Z.sigmf"');
      const [data, meta, ...more] = await unpackTar(body);
      expect(more).toEqual([]);
      expect(data?.header.name).toBe('sim-20260101T000000Z.sigmf-data');
      expect(data?.data?.length).toBe(125_000 * 4);
      expect(meta?.header.name).toBe('sim-20260101T000000Z.sigmf-meta');
      const parsed = parseSigmfMetadata(Buffer.from(meta?.data ?? []).toString(), 'archive');
      expect(parsed).toMatchObject({ datatype: 'ci16_le', sampleRateHz: 100_000 });
      expect(parsed.sha512).toBe(sha512(data?.data ?? Buffer.alloc(0)));
      expect(parsed.captures).toMatchObject([
        { sampleStart: 0, globalIndex: 0, frequencyHz: 100e6, datetime: '2026-01-01T00:00:00.000000000Z' },
        { sampleStart: 10_000, globalIndex: 210_000, frequencyHz: 100e6, datetime: '2026-01-01T00:00:02.100000000Z' },
        { sampleStart: 120_000, globalIndex: 320_000, frequencyHz: 101e6, datetime: '2026-01-01T00:00:03.200000000Z' },
      ]);
    });

    it('ends an archive where the sample rate changes', async () => {
      await iq.unary('StartStream', { station_id: 'sim', sample_rate: 50_000 });
      clock.advance(1000);
      const request = { station_id: 'sim', from: '320000', samples: '50000', archive: 'sigmf' };
      const { body, code, details } = await get(request);
      expect(code).toBe(10);
      expect(details).toContain('set to 50000 samples/s at sample 330000');
      expect(body.length).toBe(512 + 10_000 * 8);
    });
  });

  describe('of more than is on its way at a time', () => {
    const SAMPLES = 9_900_000;
    beforeAll(async () => {
      await begin('tape');
      clock.advance(SAMPLES / 2000);
    });
    afterAll(end);

    it('uses the memory of parts that have left again', async () => {
      const made = jest.spyOn(Buffer, 'allocUnsafeSlow');
      const { body, code } = await get({ from: '0', samples: String(SAMPLES) });
      const parts = made.mock.calls.filter(([bytes]) => bytes >= 256 * 1024);
      made.mockRestore();
      expect([code, sha512(body)]).toEqual([0, sha512(played(0, SAMPLES))]);
      // Of 76 parts; a mebibyte is on its way at a time.
      expect(parts.length).toBeLessThan(10);
    });

    it('is told as bytes in the metrics, and not as frames of those who read none', async () => {
      const counted = async (name: string): Promise<number> =>
        Number(new RegExp(`${name}\\{station_id="tape"\\} (\\d+)`).exec(await metrics.metrics())?.[1] ?? 0);
      listener.cancel();
      await until('nobody else reads', async () => (await listening('tape')) === 0);
      const before = [await counted('iq_sent_bytes_total'), await counted('iq_frames_sent_total')];
      const { body } = await get({ from: '0', samples: '3000001' });
      const after = [await counted('iq_sent_bytes_total'), await counted('iq_frames_sent_total')];
      expect(body.length).toBe(6_000_002);
      expect(after).toEqual([Number(before[0]) + 6_000_002, before[1]]);
    });

    it('gives all that has come to one who has not read it when the station is stopped', async () => {
      const lengths = [{}, { samples: String(SAMPLES) }, { samples: String(SAMPLES + 1) }];
      // None reads yet: what is on its way to each is a part of what the station holds.
      const streams = lengths.map((length) => iq.stream('DownloadIQ', { station_id: 'tape', from: '0', ...length }));
      await Promise.all(streams.map((stream) => once(stream, 'metadata')));
      await iq.unary('StopStream', { station_id: 'tape' });
      const read = await Promise.all(streams.map(downloaded));
      expect(read.map(({ body }) => body.length)).toEqual(lengths.map(() => 2 * SAMPLES));
      expect(read.map(({ code, details }) => `${code}: ${details}`)).toEqual([
        expect.stringMatching(/^0: /),
        expect.stringMatching(/^0: /),
        `10: the station was stopped after ${SAMPLES} samples of this download`,
      ]);
    });
  });

  describe('of a source that comes to its end', () => {
    beforeAll(() => begin('once'));
    afterAll(end);

    it('ends in good order where whatever comes was wanted, and is too short where more was', async () => {
      const samples = recording.length / 2;
      clock.advance(100);
      const streams = [{}, { samples: String(samples) }, { samples: '500000' }].map((length) =>
        iq.stream('DownloadIQ', { station_id: 'once', from: '0', ...length }),
      );
      const reading = streams.map(downloaded);
      await Promise.all(streams.map((stream) => once(stream, 'metadata')));
      clock.advance(100);
      const read = await Promise.all(reading);
      expect(read.map(({ body }) => body.equals(recording))).toEqual([true, true, true]);
      expect(read.map(({ code, details }) => `${code}: ${details}`)).toEqual([
        expect.stringMatching(/^0: /),
        expect.stringMatching(/^0: /),
        `10: the source came to its end after ${samples} samples of this download`,
      ]);
    });
  });

  describe('live', () => {
    beforeEach(() => begin('tape'));
    afterEach(end);

    it('waits for samples that are still to come', async () => {
      clock.advance(100);
      const coming = get({ from: '-0.05s', seconds: 0.2 });
      let over = false;
      coming.finally(() => {
        over = true;
      });
      // The call may arrive at any moment; what it begins with depends on that, its length does not.
      while (!over) {
        await new Promise((resolve) => setImmediate(resolve));
        if (clock.nowMs() < 10_000) clock.advance(1);
      }
      const { headers, body, code } = await coming;
      expect(code).toBe(0);
      expect(body.length).toBe(400_000 * 2);
      const first = Number(headers['http-header-x-first-sample-index']);
      expect(sha512(body)).toBe(sha512(played(first, 400_000)));
    });

    it('ends an endless download in good order when the station is stopped, and a shorter one not', async () => {
      clock.advance(100);
      const streams = [{}, { samples: '500000' }].map((length) =>
        iq.stream('DownloadIQ', { station_id: 'tape', from: '0', ...length }),
      );
      const [endless, short] = streams.map(downloaded);
      await Promise.all(streams.map((stream) => once(stream, 'metadata')));
      await iq.unary('StopStream', { station_id: 'tape' });
      const [all, part] = await Promise.all([endless, short]);
      expect(all?.code).toBe(0);
      expect(all?.body.equals(played(0, 200_000))).toBe(true);
      expect(`${part?.code}: ${part?.details}`).toMatch(
        /^10: the station was stopped after 200000 samples of this download$/,
      );
    });
  });
});

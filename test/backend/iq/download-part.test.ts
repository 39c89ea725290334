import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unpackTar } from 'modern-tar';
import { planDecimation } from '../../../src/backend/dsp/decimation-plan.ts';
import { DownConverter } from '../../../src/backend/dsp/down-converter.ts';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { parseSigmfMetadata } from '../../../src/sigmf/metadata.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { BackendUnderTest, type Caller, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { type Downloaded, downloaded } from './downloaded.ts';

const RATE_HZ = 1e6;
const DECIMATION = 10;
const OFFSET_HZ = -300_000;
/** Outputs of half a second. */
const HELD = 50_000;

describe('DownloadIQ of a part of the band', () => {
  let pki: TestPki;
  let clock: ManualClock;
  let backend: BackendUnderTest;
  let iq: Caller;
  /** Keeps the station's samples in the ring. */
  let listener: ClientReadableStream<Message>;
  /** The part from its first sample that can be computed on. */
  let first: number;
  let expected: Buffer;

  const open = (request: object): ClientReadableStream<Message> =>
    iq.stream('DownloadIQ', { station_id: 'sim-1', ...request });
  const get = (request: object): Promise<Downloaded> => downloaded(open(request));
  const part = (request: object): Promise<Downloaded> =>
    get({ frequency_offset_hz: OFFSET_HZ, output_rate: RATE_HZ / DECIMATION, ...request });
  /** Bytes of samples of the part. */
  const samples = (from: number, count: number): Buffer =>
    expected.subarray(8 * (from - first), 8 * (from - first + count));

  beforeAll(async () => {
    pki = await makeTestPki();
    clock = new ManualClock();
    backend = await BackendUnderTest.start({ pki, clock, stations: DEFAULT_STATIONS });
    iq = await backend.client('sdr.oran.IQStreamService');
    listener = iq.stream('SubscribeIQ', { station_id: 'sim-1' });
    listener.on('error', () => {}).resume();
    await once(listener, 'metadata');
    clock.advance(500);
    const whole = await get({ datatype: 'cf32_le', from: '0', samples: '500000' });
    const converter = new DownConverter(planDecimation(DECIMATION), OFFSET_HZ, RATE_HZ);
    converter.restart(0);
    const pieces: Buffer[] = [];
    const input = new Float32Array(Uint8Array.from(whole.body).buffer);
    for (let at = 0; at < 500_000; at += 50_000) {
      const output = converter.push(input.subarray(2 * at, 2 * (at + 50_000)), 50_000);
      if (at === 0) first = output.firstIndex;
      pieces.push(
        Buffer.from(
          Uint8Array.from(Buffer.from(output.samples.buffer, output.samples.byteOffset, output.samples.byteLength)),
        ),
      );
    }
    expected = Buffer.concat(pieces);
  });
  afterAll(async () => {
    listener?.cancel();
    await backend?.stop();
    await pki?.remove();
  });

  it('gives the filtered samples, and says in headers which they are', async () => {
    const { headers, body, code, contentType } = await part({ from: '10007', samples: '39001' });
    expect([code, contentType, body.length]).toEqual([0, 'application/octet-stream', 8 * 39_001]);
    expect(body.equals(samples(10_007, 39_001))).toBe(true);
    expect(headers).toMatchObject({
      'http-header-content-disposition': 'attachment; filename="sim-1-20260101T000000Z.cf32"',
      'http-header-x-sample-rate-hz': '100000',
      'http-header-x-center-frequency-hz': '99700000',
      'http-header-x-sigmf-datatype': 'cf32_le',
      'http-header-x-first-sample-index': '10007',
      'http-header-x-first-sample-time': '2026-01-01T00:00:00.100070000Z',
    });
  });

  it('is the same whoever asks, also where the filter has run since later samples', async () => {
    const late = await part({ from: '40000', samples: '5000' });
    const early = await part({ from: '30000', samples: '15000' });
    expect(late.body.equals(samples(40_000, 5000))).toBe(true);
    expect(early.body.equals(samples(30_000, 15_000))).toBe(true);
  });

  it.each([
    ['the oldest that can be computed', { from: 'earliest' }, () => first],
    ['the time of a sample', { from: '2026-01-01T00:00:00.200Z' }, () => 20_000],
    ['a time between two samples', { from: '2026-01-01T00:00:00.2000001Z' }, () => 20_001],
    ['seconds back', { from: '-0.25s' }, () => 25_000],
  ])('begins with %s', async (_, request, index) => {
    const { headers, body } = await part({ ...request, seconds: 0.1 });
    expect(headers['http-header-x-first-sample-index']).toBe(String(index()));
    expect(body.equals(samples(index(), 10_000))).toBe(true);
  });

  it('is an archive whose metadata is of the part', async () => {
    const { body, headers, code } = await part({
      from: '20000',
      samples: '10000',
      archive: 'sigmf',
      datatype: 'ci16_le',
    });
    expect(code).toBe(0);
    const [data, meta] = await unpackTar(body);
    expect(data?.data?.length).toBe(40_000);
    const parsed = parseSigmfMetadata(Buffer.from(meta?.data ?? []).toString(), 'archive');
    expect(parsed).toMatchObject({ datatype: 'ci16_le', sampleRateHz: 100_000 });
    expect(parsed.captures).toMatchObject([{ sampleStart: 0, globalIndex: 20_000, frequencyHz: 99.7e6 }]);
    expect(headers['http-header-x-sample-rate-hz']).toBe('100000');
    const exact = new Float32Array(Uint8Array.from(samples(20_000, 10_000)).buffer);
    const rounded = new Int16Array(Uint8Array.from(data?.data ?? []).buffer);
    rounded.forEach((value, i) => {
      if (value !== Math.floor(32_767 * (exact[i] ?? 0) + 0.5)) throw new Error(`value ${i} is ${value}`);
    });
  });

  it.each([
    [{ output_rate: 300_000 }, "3: output_rate must be the station's 1000000 samples/s divided by a whole number;"],
    [{ output_rate: 0 }, '3: frequency_offset_hz needs output_rate: the width that is wanted there'],
    [{ frequency_offset_hz: 450_001 }, '3: frequency_offset_hz must be a number from -450000 to 450000 Hz'],
    [{ from: '50001' }, '11: sample 50001 is not held: station sim-1 holds samples '],
    [{ from: '0' }, '11: sample 0 is not held: station sim-1 holds samples '],
    [{ from: '-0.501s' }, '11: what was 0.501 s ago is not held: station sim-1 holds samples '],
    [{ from: '2025-12-31T23:59:59Z' }, '11: that time is not held: station sim-1 holds samples '],
  ])('refuses %j', async (request, refusal) => {
    const { code, details, body } = await part({ samples: '1', ...request });
    expect(`${code}: ${details}`).toContain(refusal);
    if (refusal.startsWith('11')) {
      const oldestAt = new Date(Date.UTC(2026, 0, 1) + Math.floor(first / 100)).toISOString();
      expect(details).toContain(`${first} (${oldestAt}) to ${HELD - 1} (2026-01-01T00:00:00.499Z)`);
    }
    expect(body.length).toBe(0);
  });

  it('takes what comes when it is live, for as long as it was asked for', async () => {
    const coming = part({ seconds: 0.2 });
    let over = false;
    void coming.finally(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      if (clock.nowMs() < 10_000) clock.advance(1);
    }
    const { code, body, headers } = await coming;
    expect([code, body.length]).toEqual([0, 8 * 20_000]);
    expect(Number(headers['http-header-x-first-sample-index'])).toBeGreaterThanOrEqual(HELD);
  });

  it('ends when the station gets another rate, for its own would be another', async () => {
    const stream = open({ output_rate: 100_000, from: '-0.1s' });
    const ended = downloaded(stream);
    await once(stream, 'metadata');
    await iq.unary('StartStream', { station_id: 'sim-1', sample_rate: 2e6 });
    clock.advance(50);
    expect(await ended).toMatchObject({ code: 9, details: expect.stringContaining('2000000 samples/s now') });
  });
});

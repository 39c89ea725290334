import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createFileRegistry, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { messageType } from '../../src/backend/protos.ts';
import { declareStation } from '../../src/backend/stations/declared-station.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';
import { BackendUnderTest, type Caller } from './backend-under-test.ts';
import { ManualClock } from './manual-clock.ts';

// Frames and spectra are put together by hand, from an encoded head and fields that are laid behind it; the reader here is
// another library than the one that makes the head, and knows the contract from the committed image.
const image = new URL('../fixtures/wire-contract/passband.binpb', import.meta.url);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(image)));

/** Loud enough that 8 bits do not hold it. */
const LOUD = declareStation(
  {
    station_id: 'loud',
    sample_rate: 1_000_000,
    center_frequency_hz: 100_000_000,
    sim: { noise_dbfs: -40, carriers: [0, 1, 2].map((n) => ({ offset_hz: n * 100_000, power_dbfs: 0 })) },
  },
  PACKAGE_ROOT,
);

let pki: TestPki;
let clock: ManualClock;
let backend: BackendUnderTest;
let iq: Caller;
beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());
beforeEach(async () => {
  clock = new ManualClock();
  backend = await BackendUnderTest.start({ pki, clock, stations: [LOUD] });
  iq = await backend.client('sdr.oran.IQStreamService');
});
afterEach(() => backend.stop());

/** The n-th message of a stream as its bytes came, while time goes by. */
async function bytesOf(path: string, requestType: string, request: object, n = 0): Promise<Buffer> {
  const stream = iq.raw.makeServerStreamRequest(
    path,
    (value: object) => messageType(requestType).serialize(value),
    (bytes: Buffer) => bytes,
    request,
  );
  stream.on('error', () => {});
  const messages: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => messages.push(bytes));
  await once(stream, 'metadata');
  while (messages.length <= n) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.cancel();
  return messages[n] ?? Buffer.alloc(0);
}

/** The fields of a message as they lie on the wire, by number; what comes several times, in its order. */
function wireFields(bytes: Uint8Array): Map<number, string> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, string>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const begin = reader.pos;
    reader.skip(type, number);
    const value = Buffer.from(bytes.subarray(begin, reader.pos)).toString('hex');
    fields.set(number, [fields.get(number) ?? [], `${type} ${value}`].flat().join(', '));
  }
  return fields;
}

/** Reads a message by the contract, and proves that another encoder would have sent the same fields for it. */
function wellFormed(name: string, bytes: Buffer): Readonly<Record<string, unknown>> {
  const desc = registry.getMessage(name) as DescMessage;
  const message = fromBinary(desc, bytes);
  expect(message.$unknown).toBeUndefined();
  const sent = wireFields(bytes);
  const theirs = wireFields(toBinary(desc, message));
  for (const [number, value] of sent) {
    // A zero that is sent says what its absence says.
    if (theirs.has(number)) expect([number, value]).toEqual([number, theirs.get(number)]);
    else expect(value).toMatch(/^\d+ 0+$/);
  }
  expect([...theirs.keys()].filter((number) => !sent.has(number))).toEqual([]);
  return { ...message };
}

const frame = async (request: object, n = 0): Promise<Readonly<Record<string, unknown>>> =>
  wellFormed(
    'sdr.oran.IQFrame',
    await bytesOf(
      '/sdr.oran.IQStreamService/SubscribeIQ',
      'sdr.oran.SubscribeIQRequest',
      { station_id: 'loud', batch_size_samples: 1000, ...request },
      n,
    ),
  );
const spectrum = async (request: object, n = 0): Promise<Readonly<Record<string, unknown>>> =>
  wellFormed(
    'sdr.oran.SpectrumData',
    await bytesOf(
      '/sdr.oran.SpectrumMonitorService/StreamSpectrum',
      'sdr.oran.SpectrumRequest',
      { station_id: 'loud', fft_size: 256, ...request },
      n,
    ),
  );

it.each([
  ['cf32_le', 8, false],
  ['ci16_le', 4, true],
  ['ci8', 2, true],
  ['cu8', 2, true],
])('a frame of %s', async (datatype, bytesPerSample, saturates) => {
  const read = await frame({ datatype });
  expect(read).toMatchObject({
    stationId: 'loud',
    datatype,
    sampleCount: 1000,
    sampleRate: 1e6,
    centerFrequencyHz: 1e8,
  });
  expect(read.data).toHaveLength(1000 * bytesPerSample);
  expect(Number(read.saturatedValues) > 0).toBe(saturates);
});

it('a frame before which samples were lost', async () => {
  await frame({});
  clock.advance(9_000);
  const read = await frame({ after_sequence: '0', datatype: 'ci8' });
  expect(Number(read.lostSamples)).toBeGreaterThan(3_000_000);
  expect(read).toMatchObject({ sampleCount: 1000 });
});

it('a spectrum', async () => {
  const read = await spectrum({ peaks: 2 });
  expect(read).toMatchObject({ stationId: 'loud', fftSize: 256, sampleRate: 1e6, unit: 'dBFS' });
  expect(read.magnitudeDbm).toHaveLength(256);
  expect(read.frequenciesHz).toHaveLength(256);
  expect(read.peaks).toHaveLength(2);
});

it('a later spectrum, in 8 bits and without frequencies', async () => {
  const read = await spectrum({ encoding: 'SPECTRUM_ENCODING_UINT8', omit_frequencies: true }, 3);
  expect(read.sequenceNumber).toBe(3n);
  expect(read.magnitudeU8).toHaveLength(256);
  expect(Math.max(...(read.magnitudeU8 as Uint8Array))).toBe(255);
  expect([read.magnitudeDbm, read.frequenciesHz]).toEqual([[], []]);
});

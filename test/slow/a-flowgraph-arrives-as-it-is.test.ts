// needs: gnuradio, scipy, curl
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bytesPerSample, type Datatype } from '../../src/backend/iq/formats.ts';
import { declareStation } from '../../src/backend/stations/declared-station.ts';
import type { StationConfig } from '../../src/backend/stations/station-config.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { type Look, lookAtSamples } from '../support/look-at-samples.ts';
import { type RunningPython, startPython } from '../support/python.ts';
import { type Stack, startStack } from '../support/stack.ts';

const RATE = 250_000;
/** No simple part of the rate: what rounding to 8 bits adds would gather on few frequencies, the mirror among them. */
const TONE_HZ = 41_777;
const SENT_S = 2;
/** Seconds of nothing before and after, in which the download begins and ends. */
const SILENCE_S = 2;
const DATATYPES: readonly Datatype[] = ['cf32_le', 'ci16_le', 'ci8', 'cu8'];

const script = fileURLToPath(new URL('./flowgraphs/plain_transmitter.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'passband-flowgraph-'));
const content = new Map<Datatype, Buffer>();
const pythons = new Map<string, RunningPython>();
let stack: Stack;
let curl: Curl;

beforeAll(async () => {
  const stations: StationConfig[] = [];
  const begin = async (id: string, datatype: Datatype, what: string): Promise<void> => {
    const python = startPython(script, [RATE, bytesPerSample(datatype), what]);
    pythons.set(id, python);
    const zmq = { endpoint: await python.line(), datatype, tags: true };
    // Held for long enough to fetch what was measured, however busy the machine is.
    const ring = { seconds: 30 };
    const station = { station_id: id, sample_rate: RATE, center_frequency_hz: 100e6, zmq, ring };
    stations.push(declareStation(station, PACKAGE_ROOT));
  };
  for (const datatype of DATATYPES) {
    const bytes = randomBytes(SENT_S * RATE * bytesPerSample(datatype));
    content.set(datatype, bytes);
    const silence = Buffer.alloc(SILENCE_S * RATE * bytesPerSample(datatype));
    writeFileSync(join(folder, datatype), Buffer.concat([silence, bytes, silence]));
    await begin(datatype, datatype, join(folder, datatype));
  }
  await begin('tone', 'cf32_le', `tone:${TONE_HZ}`);
  stack = await startStack({ stations });
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
});
afterAll(async () => {
  for (const python of pythons.values()) await python.stop();
  await stack?.close();
  rmSync(folder, { recursive: true, force: true });
});

const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('hex');

test.each(DATATYPES)('%s: the SHA-512 of what curl got is that of what the flowgraph sent', async (datatype) => {
  pythons.get(datatype)?.tell('send');
  const answer = await curl(`/v1/stations/${datatype}/iq:download?seconds=${SENT_S + SILENCE_S}`);
  // With what it says where it is refused.
  expect({ status: answer.status, said: answer.status === 200 ? '' : answer.text() }).toEqual({
    status: 200,
    said: '',
  });
  const sent = content.get(datatype) ?? Buffer.alloc(0);
  const at = answer.body.indexOf(sent.subarray(0, 32));
  expect(at).toBeGreaterThanOrEqual(0);
  const size = bytesPerSample(datatype);
  expect(at % size).toBe(0);
  expect(sha512(answer.body.subarray(at, at + sent.length))).toBe(sha512(sent));
});

test('a tone above the centre stays above it in every datatype, and its spectrum is what scipy computes', async () => {
  pythons.get('tone')?.tell('send');
  const points = 4096;
  const averages = 3;
  const spectrum = await curl(
    `/v1/stations/tone/spectrum?fft_size=${points}&averaging=${averages}&window=SPECTRUM_WINDOW_HANN`,
  );
  expect(spectrum.status).toBe(200);
  const { sampleIndex = '0', magnitudeDbm } = spectrum.json() as { sampleIndex?: string; magnitudeDbm: number[] };
  expect(magnitudeDbm).toHaveLength(points);
  const download = async (from: string, samples: number, datatype: Datatype): Promise<Buffer> => {
    const { status, body } = await curl(
      `/v1/stations/tone/iq:download?from=${from}&samples=${samples}&datatype=${datatype}`,
    );
    expect(status).toBe(200);
    return body;
  };
  const measured = await download(sampleIndex, (points * (averages + 1)) / 2, 'cf32_le');
  const looks: Look[] = [];
  for (const datatype of DATATYPES) {
    const received = await download(sampleIndex, 65_536, datatype);
    const of = { spectrumDb: magnitudeDbm, measured, measuredDatatype: 'cf32_le' } as const;
    looks.push({ name: datatype, received, datatype, ...of });
  }
  for (const { peakHz, mirrorDb, errorDb } of await lookAtSamples(folder, RATE, looks)) {
    expect(Math.abs(peakHz - TONE_HZ)).toBeLessThan(RATE / 65_536);
    expect(mirrorDb).toBeGreaterThan(60);
    // A millionth of the power.
    expect(errorDb).toBeLessThan(10 * Math.log10(1 + 1e-6));
  }
});

// needs: python-grpc, curl
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Curl, curlOf } from '../support/curl.ts';
import { type RunningPython, startPython } from '../support/python.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** What the consumer saw of a frame. */
interface Seen {
  readonly station: string;
  readonly sequence: number;
  readonly index: number;
  readonly ns: number;
  readonly hz: number;
  readonly rate: number;
  readonly datatype: string;
  readonly count: number;
  readonly bytes: number;
  readonly lost: number;
  readonly epoch: number;
}

/** Frames of each of the two calls. */
const FRAMES = 40;
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

let folder: string;
let stack: Stack;
let curl: Curl;
let consumer: RunningPython;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-consumer-'));
  stack = await startStack();
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
  const [ca, cert, key] = ['ca.crt', 'client.crt', 'client.key'].map((name) => join(stack.certsDir, name));
  consumer = startPython(here('iq-consumer.py'), [
    here('.'),
    folder,
    stack.backendPort,
    ca ?? '',
    cert ?? '',
    key ?? '',
  ]);
});
afterAll(async () => {
  await consumer?.stop();
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Row {
  readonly station: string;
  readonly request: Readonly<Record<string, string | number>>;
  readonly batch: number;
  readonly rate: number;
  readonly hz: number;
  readonly datatype: string;
  readonly sampleBytes: number;
}

const ADSB = { station: 'adsb', rate: 2e6, hz: 1_090_000_000, batch: 4096 };
const SIM = { station: 'sim-1', rate: 1e6, hz: 100_000_000, batch: 2000 };
const PART = { frequency_offset_hz: 250_000, output_rate: 100_000 };
const ROWS: readonly Row[] = [
  { ...ADSB, request: {}, datatype: 'cu8', sampleBytes: 2 },
  { ...ADSB, request: { datatype: 'ci16_le' }, datatype: 'ci16_le', sampleBytes: 4 },
  { ...SIM, request: {}, datatype: 'cf32_le', sampleBytes: 8 },
  { ...SIM, request: PART, datatype: 'cf32_le', sampleBytes: 8, batch: 500, rate: 1e5, hz: 100_250_000 },
];

it.each(ROWS)(
  'of $station by $request: whole frames, without a hole over two calls, and the bytes that curl downloads',
  async ({ station, request, batch, rate, hz, datatype, sampleBytes }) => {
    const file = join(folder, 'samples');
    const order = { station_id: station, batch_size_samples: batch, ...request };
    consumer.tell(JSON.stringify({ request: order, frames: FRAMES, file }));
    const frames: readonly Seen[] = JSON.parse(await consumer.line());
    expect(frames).toHaveLength(2 * FRAMES);
    const [{ sequence: first = 0, ns: startNs = 0, epoch = 0 } = {}] = frames;
    frames.forEach((frame, i) => {
      const sequence = first + i;
      expect(frame).toEqual({
        ...{ station, sequence, index: sequence * batch, hz, rate, datatype, epoch, ns: expect.any(Number) },
        ...{ count: batch, bytes: batch * sampleBytes, lost: 0 },
      });
      // As numbers of JavaScript these times are whole to 256 ns.
      expect(Math.abs(frame.ns - startNs - (i * batch * 1e9) / rate)).toBeLessThan(1000);
    });
    const query = new URLSearchParams({ from: String(first * batch), samples: String(2 * FRAMES * batch) });
    for (const [name, value] of Object.entries(request)) query.set(name, String(value));
    const downloaded = await curl(`/v1/stations/${station}/iq:download?${query}`);
    expect(downloaded.status).toBe(200);
    const consumed = await readFile(file);
    expect(consumed.length).toBe(2 * FRAMES * batch * sampleBytes);
    expect(consumed.equals(downloaded.body)).toBe(true);
  },
);

// needs: gnuradio
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { systemClock } from '../../src/backend/clock.ts';
import { bytesPerSample, type Datatype } from '../../src/backend/iq/formats.ts';
import { subscribeZmq } from '../../src/backend/iq/sources/zmq.ts';
import { ZmqSource } from '../../src/backend/iq/sources/zmq-source.ts';
import { type RunningPython, startPython } from '../support/python.ts';
import { until } from '../support/until.ts';

const FLOWGRAPH = fileURLToPath(new URL('./flowgraphs/counting_sink.py', import.meta.url));

interface Setting {
  readonly datatype: Datatype;
  readonly samples: number;
  readonly tags: boolean;
  readonly highWaterMark: number;
  readonly sampleRateHz: number;
}

/** What came of a flowgraph whose samples say their own numbers. */
interface Outcome {
  readonly received: number;
  /** Samples missing by the index between the first and the last that came. */
  readonly lost: number;
  /** Number that the first and the last sample say they have. */
  readonly first: number;
  readonly last: number;
  /** Samples that are not what their index says. */
  readonly wrong: number;
}

/** Numbers of samples as the flowgraph writes them: the low bits in I, the next in Q. */
function numbersOf(datatype: Datatype, bytes: Uint8Array): number[] {
  const { buffer, byteOffset, length } = bytes;
  const [values, bits] =
    datatype === 'cf32_le'
      ? [new Float32Array(buffer, byteOffset, length / 4), 20]
      : datatype === 'ci16_le'
        ? [new Int16Array(buffer, byteOffset, length / 2), 15]
        : [new Int8Array(buffer, byteOffset, length), 7];
  const count = length / bytesPerSample(datatype);
  return Array.from({ length: count }, (_, i) => (values[2 * i] ?? 0) + (values[2 * i + 1] ?? 0) * 2 ** bits);
}

let python: RunningPython | undefined;
let source: ZmqSource | undefined;
afterEach(async () => {
  source?.stop();
  source?.close();
  await python?.stop();
});

async function run({ datatype, samples, tags, highWaterMark, sampleRateHz }: Setting): Promise<Outcome> {
  python = startPython(FLOWGRAPH, [samples, tags ? 1 : 0, highWaterMark, datatype, sampleRateHz]);
  const endpoint = await python.line();
  source = new ZmqSource(
    { endpoint, datatype, tags, sampleRateHz: sampleRateHz === 0 ? 1_000_000 : sampleRateHz, centerFrequencyHz: 100e6 },
    { stationId: 'gr', clock: systemClock, log: pino({ level: 'silent' }), subscribe: subscribeZmq },
  );
  // 14 bits of a ci8 number come round again.
  const modulus = datatype === 'ci8' ? 2 ** 14 : Number.POSITIVE_INFINITY;
  let received = 0;
  let wrong = 0;
  let first: { readonly index: number; readonly number: number } | undefined;
  let last = 0;
  let end = 0;
  source.start({
    samples: ({ sampleIndex, bytes }) => {
      const numbers = numbersOf(datatype, bytes);
      first ??= { index: sampleIndex, number: numbers[0] ?? -1 };
      const from = first.number + sampleIndex - first.index;
      wrong += numbers.filter((number, i) => number !== (from + i) % modulus).length;
      received += numbers.length;
      end = sampleIndex + numbers.length;
      last = numbers.at(-1) ?? -1;
    },
    failed: (fault) => {
      throw fault;
    },
  });
  python.tell('run');
  expect(await python.line()).toBe('done');
  await until('the last sample', () => last === (samples - 1) % modulus);
  if (first === undefined) throw new Error('nothing came');
  return { received, lost: end - first.index - received, first: first.number, last, wrong };
}

describe('a GNU Radio flowgraph with tags', () => {
  test.each<Datatype>(['cf32_le', 'ci16_le', 'ci8'])(
    '%s in peace: every sample comes, bit for bit',
    async (datatype) => {
      const outcome = await run({ datatype, samples: 500_000, tags: true, highWaterMark: -1, sampleRateHz: 250_000 });
      expect(outcome).toMatchObject({ lost: 0, wrong: 0 });
      expect(outcome.received).toBeGreaterThan(400_000);
    },
  );

  test('flat out: what the sink drops is missing to the sample, and what came is in its place', async () => {
    const samples = 60_000_000;
    const outcome = await run({ datatype: 'cf32_le', samples, tags: true, highWaterMark: 2, sampleRateHz: 0 });
    expect(outcome.wrong).toBe(0);
    expect(outcome.lost).toBeGreaterThan(0);
    expect(outcome.received + outcome.lost).toBe(samples - outcome.first);
  });
});

test('a GNU Radio flowgraph without tags, in peace: every sample comes, bit for bit', async () => {
  const outcome = await run({
    datatype: 'cf32_le',
    samples: 500_000,
    tags: false,
    highWaterMark: -1,
    sampleRateHz: 250_000,
  });
  expect(outcome).toMatchObject({ lost: 0, wrong: 0 });
  expect(outcome.received).toBeGreaterThan(400_000);
});

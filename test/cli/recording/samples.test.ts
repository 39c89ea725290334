import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordFlags } from '../../../src/cli/recording/record-order.ts';
import { type RecordOutcome, runRecord } from '../../../src/cli/recording/run-record.ts';
import { datetimeText } from '../../../src/sigmf/recording-notes.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import {
  contentOf,
  delimitedFrame,
  FRAME_SAMPLES,
  orderOf,
  START_NS,
  samplesFrom,
  startFrameServer,
  Told,
} from './frame-server.ts';

describe('what passband record takes of frames', () => {
  let pki: TestPki;
  let folder: string;

  beforeAll(async () => {
    pki = await makeTestPki();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passband-record-'));
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));
  afterAll(async () => pki?.remove());

  /** Records frames that one connection brings. */
  async function recorded(
    frames: readonly Buffer[],
    flags: Partial<RecordFlags> = {},
  ): Promise<RecordOutcome & { readonly told: string; readonly file: string }> {
    const server = await startFrameServer(pki, [
      (_request, response) => response.writeHead(200).end(Buffer.concat(frames)),
    ]);
    try {
      const told = new Told();
      const file = join(folder, flags.output ?? 'x.cu8');
      const order = await orderOf(server, pki, { ...flags, output: file });
      return { ...(await runRecord(order, told)), told: told.text, file };
    } finally {
      await server.close();
    }
  }

  // A microsecond a sample.
  it.each([
    ['at a sample', 7_000n, 7],
    ['between two', 7_400n, 8],
    ['at the first of a frame', 50_000n, 50],
    ['before all', -1_000_000n, 0],
  ])('from a time on: %s', async (_name, afterNs, first) => {
    const frames = [0, 1].map((number) => delimitedFrame(number));
    const from = datetimeText(START_NS + afterNs);
    const { file, told } = await recorded(frames, { from, output: 'x.sigmf-meta' });
    expect(contentOf(file.replace('meta', 'data'))).toEqual(samplesFrom(first, 2 * FRAME_SAMPLES - first));
    const { captures } = JSON.parse(await readFile(file, 'utf8'));
    const datetime = datetimeText(START_NS + BigInt(first) * 1000n);
    expect(captures).toEqual([
      { 'core:sample_start': 0, 'core:global_index': first, 'core:frequency': 1e9, 'core:datetime': datetime },
    ]);
    expect(told).not.toContain('missing');
  });

  it('from an index on', async () => {
    const { file, told } = await recorded(
      [0, 1].map((number) => delimitedFrame(number)),
      { from: '57' },
    );
    expect(contentOf(file)).toEqual(samplesFrom(57, 43));
    expect(told).not.toContain('missing');
  });

  it.each([
    [{ sampleRateHz: 2e6 }, 'the station now has 2000000 samples/s; a recording has one rate\n'],
    [{ datatype: 'ci8' }, 'the station now sends ci8; a recording has one datatype\n'],
  ])('ends before %j, and says which it is', async (change, says) => {
    const { exitCode, told, file } = await recorded([delimitedFrame(0), delimitedFrame(1, change)], { samples: '100' });
    expect(told).toBe(says);
    expect(exitCode).toBe(1);
    expect(contentOf(file)).toEqual(samplesFrom(0, FRAME_SAMPLES));
  });

  it('writes nothing where no sample comes', async () => {
    const { exitCode, told, file } = await recorded([]);
    expect(told).toBe('the stream of the station has ended\nno sample was recorded; nothing is written\n');
    expect([exitCode, contentOf(file)]).toEqual([1, Buffer.alloc(0)]);
  });
});

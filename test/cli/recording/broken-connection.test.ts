import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runRecord } from '../../../src/cli/recording/run-record.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import {
  type Answer,
  contentOf,
  delimitedFrame,
  FRAME_SAMPLES,
  orderOf,
  samplesFrom,
  startFrameServer,
  Told,
} from './frame-server.ts';

/** More than any pause of TCP lets through at once, so that who never reads the end of it never gets there. */
const ENDLESS = Buffer.alloc(64 * 1024, 'x');

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

/** Frames, and then the connection is cut. */
const cutAfter =
  (...numbers: number[]): Answer =>
  (_request, response) => {
    response.writeHead(200);
    response.write(Buffer.concat(numbers.map((number) => delimitedFrame(number))), () => response.destroy());
  };
const endsAfter =
  (...numbers: number[]): Answer =>
  (_request, response) => {
    response.writeHead(200);
    response.end(Buffer.concat(numbers.map((number) => delimitedFrame(number))));
  };

describe('a connection that is made again', () => {
  it.each<[string, string, Answer]>([
    [
      'with a body that breaks off',
      '503: Service Unavailable',
      (_request, response) => {
        response.writeHead(503, { 'content-length': 500 });
        response.write('{"detail":', () => response.destroy());
      },
    ],
    [
      'with a body that never ends',
      '502: Bad Gateway',
      (_request, response) => {
        response.writeHead(502);
        writeForEver(response);
      },
    ],
    [
      'with a problem document',
      '503: the backend cannot be reached',
      (_request, response) => {
        response.writeHead(503, { 'content-type': 'application/problem+json' });
        response.end('{"detail":"the backend cannot be reached"}');
      },
    ],
  ])('goes on behind a refusal %s', async (_name, says, refuse) => {
    const server = await startFrameServer(pki, [cutAfter(0), refuse, endsAfter(1)]);
    try {
      const told = new Told();
      const file = join(folder, 'x.cu8');
      const order = await orderOf(server, pki, { output: file, samples: String(2 * FRAME_SAMPLES) });
      const { exitCode } = await runRecord(order, told);
      expect(told.text).toContain(`${says}; trying again\n`);
      expect(exitCode).toBe(0);
      expect(contentOf(file)).toEqual(samplesFrom(0, 2 * FRAME_SAMPLES));
      expect(server.requests[2]).toContain('afterSequence=0&afterEpoch=1');
    } finally {
      await server.close();
    }
  });

  it('is given up for a refusal that stays, and what had come is kept', async () => {
    const refuse: Answer = (_request, response) => {
      response.writeHead(403, { 'content-length': 500 });
      response.write('{"detail":', () => response.destroy());
    };
    const server = await startFrameServer(pki, [cutAfter(0), refuse]);
    try {
      const told = new Told();
      const file = join(folder, 'x.cu8');
      const order = await orderOf(server, pki, { output: file, samples: String(2 * FRAME_SAMPLES) });
      const { exitCode, text } = await runRecord(order, told);
      expect(told.text).toMatch(/403: Forbidden\n$/);
      expect(text).toContain(`x.cu8: ${FRAME_SAMPLES} samples of cu8`);
      expect(exitCode).toBe(1);
      expect(contentOf(file)).toEqual(samplesFrom(0, FRAME_SAMPLES));
      expect(await readdir(folder)).toEqual(['x.cu8']);
    } finally {
      await server.close();
    }
  });
});

describe('a name that is taken while it is recorded', () => {
  it.each([
    ['x.cu8', 'x.cu8', ['x.cu8', 'x.cu8.part']],
    ['x.sigmf', 'x.sigmf', ['x.sigmf', 'x.sigmf.part']],
    ['x.sigmf-meta', 'x.sigmf-data', ['x.sigmf-data', 'x.sigmf-data.part', 'x.sigmf-meta.part']],
    ['x.sigmf-meta', 'x.sigmf-meta', ['x.sigmf-data.part', 'x.sigmf-meta', 'x.sigmf-meta.part']],
  ])('%s: %s is not overwritten', async (output, taken, left) => {
    const take: Answer = (request, response) => {
      writeFile(join(folder, taken), 'of somebody else').then(() => endsAfter(0)(request, response));
    };
    const server = await startFrameServer(pki, [take]);
    try {
      const told = new Told();
      const { exitCode, text } = await runRecord(await orderOf(server, pki, { output: join(folder, output) }), told);
      expect(String(contentOf(join(folder, taken)))).toBe('of somebody else');
      expect((await readdir(folder)).sort()).toEqual(left);
      const [part = ''] = left.filter((name) => /(cu8|sigmf|data)\.part$/.test(name));
      const at = /in \S+\.part(?:, from byte (\d+) on)?\n$/.exec(told.text)?.[1] ?? '0';
      expect(told.text).toContain(`${FRAME_SAMPLES} samples of cu8 are in ${join(folder, part)}`);
      const samples = contentOf(join(folder, part))
        .subarray(Number(at))
        .subarray(0, 2 * FRAME_SAMPLES);
      expect(samples).toEqual(samplesFrom(0, FRAME_SAMPLES));
      expect([exitCode, text]).toEqual([1, '']);
    } finally {
      await server.close();
    }
  });

  it('is told before the first sample where what another recording left is in the way', async () => {
    await writeFile(join(folder, 'x.sigmf-meta.part'), 'left');
    const server = await startFrameServer(pki, [endsAfter(0)]);
    try {
      const order = await orderOf(server, pki, { output: join(folder, 'x.sigmf-meta') });
      await expect(runRecord(order, new Told())).rejects.toThrow(/x\.sigmf-meta\.part cannot be made/);
      expect(server.requests).toEqual([]);
      expect(await readdir(folder)).toEqual(['x.sigmf-meta.part']);
    } finally {
      await server.close();
    }
  });
});

function writeForEver(response: ServerResponse): void {
  while (!response.destroyed && response.write(ENDLESS));
  response.once('drain', () => writeForEver(response));
}

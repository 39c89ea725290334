import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { unpackTar } from 'modern-tar';
import { PACKAGE_ROOT } from '../../../src/package-root.ts';
import { parseSigmfMetadata } from '../../../src/sigmf/metadata.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { type Ended, run } from '../../support/run.ts';
import { contentOf, delimitedFrame, type FrameServer, samplesFrom, startFrameServer } from './frame-server.ts';

/** Samples of a frame, two bytes each: 16 KiB. */
const SAMPLES = 8192;
/** What fits below the limits of these tests: two frames, and of the third a part. */
const KEPT = samplesFrom(0, 2 * SAMPLES);

describe('passband record on a disk that takes no more', () => {
  let pki: TestPki;
  let server: FrameServer;
  let folder: string;

  beforeAll(async () => {
    pki = await makeTestPki();
    // The third frame lies behind a gap, which is not in what is kept.
    const frames = [0, 1, 3].map((number) => delimitedFrame(number, { samples: SAMPLES }));
    server = await startFrameServer(pki, [(_request, response) => response.writeHead(200).end(Buffer.concat(frames))]);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passband-record-'));
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));
  afterAll(async () => {
    await server?.close();
    await pki?.remove();
  });

  /** Records with a limit to the size of files: the system refuses what is behind it, as a full disk does. */
  function recordBelow(kilobytes: number, output: string): Promise<Ended> {
    const limited = ['-c', 'ulimit -f "$0" && exec "$@"', String(kilobytes)];
    const program = [process.execPath, join(PACKAGE_ROOT, 'dist', 'cli', 'main.js'), 'record', 'radio'];
    return run('bash', [...limited, ...program, '-o', join(folder, output), '--url', server.url, '--certs', pki.dir]);
  }

  it('keeps raw samples that came before', async () => {
    const { code, stdout, stderr } = await recordBelow(40, 'x.cu8');
    expect(stderr).toMatch(/x\.cu8\.part takes no more: EFBIG/);
    const length = `x.cu8: ${2 * SAMPLES} samples of cu8, 0.016 s\n`;
    expect(stdout).toContain(`${length}sha512 ${createHash('sha512').update(KEPT).digest('hex')}\n`);
    expect(code).toBe(1);
    expect(contentOf(join(folder, 'x.cu8'))).toEqual(KEPT);
    expect(await readdir(folder)).toEqual(['x.cu8']);
  });

  it('makes a pair of files of them', async () => {
    const { code } = await recordBelow(40, 'x.sigmf-meta');
    expect(code).toBe(1);
    expect(contentOf(join(folder, 'x.sigmf-data'))).toEqual(KEPT);
    const metadata = parseSigmfMetadata(String(contentOf(join(folder, 'x.sigmf-meta'))), 'x');
    expect(metadata.captures.map(({ sampleStart }) => sampleStart)).toEqual([0]);
    expect((await readdir(folder)).sort()).toEqual(['x.sigmf-data', 'x.sigmf-meta']);
  });

  it('makes an archive of them, where its end has place', async () => {
    const { code } = await recordBelow(40, 'x.sigmf');
    expect(code).toBe(1);
    const [data, meta, ...others] = await unpackTar(contentOf(join(folder, 'x.sigmf')));
    expect(Buffer.from(data?.data ?? [])).toEqual(KEPT);
    const metadata = parseSigmfMetadata(String(Buffer.from(meta?.data ?? [])), 'x');
    expect(metadata.captures.map(({ sampleStart }) => sampleStart)).toEqual([0]);
    expect(others).toEqual([]);
  });

  it('says where they are when there is no place for the end of the archive', async () => {
    const { code, stdout, stderr } = await recordBelow(35, 'x.sigmf');
    const [, at] =
      /x\.sigmf cannot be finished: EFBIG.*; 16384 samples of cu8 are in \S+\.part, from byte (\d+) on\n/.exec(
        stderr,
      ) ?? [];
    expect([code, stdout]).toEqual([1, '']);
    expect(await readdir(folder)).toEqual(['x.sigmf.part']);
    const samples = contentOf(join(folder, 'x.sigmf.part')).subarray(Number(at)).subarray(0, KEPT.length);
    expect(samples).toEqual(KEPT);
  });
});

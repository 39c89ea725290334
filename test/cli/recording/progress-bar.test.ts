// needs: script
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RecordProgress } from '../../../src/cli/recording/record-progress.ts';
import { PACKAGE_ROOT } from '../../../src/package-root.ts';
import { cli } from '../../support/cli.ts';
import { run } from '../../support/run.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** A bar as it is drawn: parts done and to be done, and what is said behind them. */
const BAR = /([█░]+) (\d+) % {2}(\d+\.\d) of 1\.5 s {2}\S+ left/g;

describe('passband record', () => {
  let stack: Stack;
  let folder: string;
  const recordTo = (file: string): string[] => [
    ...['record', 'sim-1', '-o', join(folder, file), '--seconds', '1.5'],
    ...['--url', stack.gatewayUrl, '--certs', stack.certsDir],
  ];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'passband-progress-'));
    stack = await startStack();
  });
  afterAll(async () => {
    await stack?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('draws a bar on a terminal that fills to its end, and gives the cursor back', async () => {
    const program = [process.execPath, join(PACKAGE_ROOT, 'dist', 'cli', 'main.js'), ...recordTo('a.cf32')];
    const quoted = program.map((word) => `'${word}'`).join(' ');
    // A pseudo terminal of 100 columns.
    const { code, stdout: seen } = await run('script', ['-qec', `stty cols 100 && ${quoted}`, '/dev/null'], '', 60_000);
    expect(code).toBe(0);
    const bars = [...seen.matchAll(BAR)].map(([, bar = '', percent, seconds]) => ({
      filled: bar.replaceAll('░', '').length / bar.length,
      percent: Number(percent),
      seconds: Number(seconds),
    }));
    const percents = bars.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.some((percent) => percent > 0 && percent < 100)).toBe(true);
    expect(bars.at(-1)).toEqual({ filled: 1, percent: 100, seconds: 1.5 });
    for (const { filled, percent, seconds } of bars) {
      expect(Math.abs(filled - percent / 100)).toBeLessThan(0.03);
      expect(Math.abs(seconds / 1.5 - percent / 100)).toBeLessThan(0.05);
    }
    const places = [HIDE_CURSOR, '░', SHOW_CURSOR, 'a.cf32: 1500000 samples'].map((text) => seen.indexOf(text));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThanOrEqual(0);
  });

  it('draws none where there is no terminal', async () => {
    const { code, stdout, stderr } = await cli(recordTo('b.cf32'));
    expect(code).toBe(0);
    // On a machine that has much to do it takes so long that there are lines.
    expect(stderr).toMatch(/^(?:\d+\.\d of 1\.5 s, \d+ samples\n)*$/);
    expect(stdout).toMatch(/^[\x20-\x7e\n]*b\.cf32: 1500000 samples of cf32_le, 1\.500 s\n[\x20-\x7e\n]*$/);
  });
});

describe('progress', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Progress on a stream, and what it has written so far. */
  function progressOn(isTTY: boolean): { readonly progress: RecordProgress; readonly written: () => string } {
    jest.useFakeTimers({ now: 0 });
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return { progress: new RecordProgress(stream), written: () => Buffer.concat(chunks).toString() };
  }

  it('is a line every five seconds where there is no terminal', () => {
    const { progress, written } = progressOn(false);
    for (let second = 1; second <= 11; second++) {
      jest.advanceTimersByTime(1000);
      progress.progress(second * 1000, second > 8 ? undefined : 20_000, 1000);
    }
    progress.end();
    expect(written()).toBe('5.0 of 20.0 s, 5000 samples\n10.0 s, 10000 samples\n');
  });

  it('makes room for a sentence on a terminal, and is drawn again below it', () => {
    const { progress, written } = progressOn(true);
    progress.progress(5000, 10_000, 1000);
    jest.advanceTimersByTime(1000);
    progress.say('missing: samples 1 to 2 (2)');
    progress.end();
    const sentence = '\r\u001b[Kmissing: samples 1 to 2 (2)\n';
    const [before = '', after = ''] = written().split(sentence);
    expect(before).toContain('50 %  5.0 of 10.0 s');
    expect(after).toContain('50 %  5.0 of 10.0 s');
    expect(after).toContain(SHOW_CURSOR);
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Datatype } from '../../src/backend/iq/formats.ts';
import { run } from './run.ts';

/** Samples that were received, and a spectrum with the samples that it was made of. */
export interface Look {
  readonly name: string;
  readonly received: Buffer;
  readonly datatype: Datatype;
  /** Hann window, tone power, dB; lowest frequency first. */
  readonly spectrumDb: readonly number[];
  readonly measured: Buffer;
  readonly measuredDatatype: Datatype;
}

/** What numpy and scipy find. */
export interface Seen {
  readonly name: string;
  /** Strongest frequency, Hz from the centre. */
  readonly peakHz: number;
  /** How far the other side of the centre is below it, dB. */
  readonly mirrorDb: number;
  /** By how much the spectrum differs from Welch's estimate at most, dB; less what the answer's floats cannot hold. */
  readonly errorDb: number;
}

const PROGRAM = fileURLToPath(new URL('./look_at_samples.py', import.meta.url));
/** Milliseconds: to import scipy takes seconds on a busy machine. */
const TIMEOUT_MS = 60_000;

/** Looks at all of them with one Python; its files go into `dir`. */
export async function lookAtSamples(dir: string, rateHz: number, looks: readonly Look[]): Promise<Seen[]> {
  const lines: string[] = [];
  for (const { name, received, datatype, spectrumDb, measured, measuredDatatype } of looks) {
    const files = { received: join(dir, `${name}.received`), measured: join(dir, `${name}.measured`) };
    await writeFile(files.received, received);
    await writeFile(files.measured, measured);
    lines.push(JSON.stringify({ ...files, name, rate: rateHz, datatype, own: measuredDatatype, spectrumDb }));
  }
  const { stdout, stderr } = await run('/usr/bin/python3', [PROGRAM], lines.join('\n'), TIMEOUT_MS);
  if (stderr !== '') throw new Error(stderr);
  const seen: Seen[] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  if (seen.length !== looks.length) throw new Error(`${seen.length} of ${looks.length} were looked at`);
  return seen;
}

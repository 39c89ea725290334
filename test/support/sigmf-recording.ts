import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of recordings that a test makes. */
export class RecordingFolder {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(): Promise<RecordingFolder> {
    return new RecordingFolder(await mkdtemp(join(tmpdir(), 'passband-recordings-')));
  }

  /** Writes NAME.sigmf-meta and NAME.sigmf-data; returns the path of the first. The hash is right unless `global` has one. */
  async write(
    name: string,
    datatype: string,
    sampleRate: number,
    data: Buffer,
    captures: readonly object[] = [{ 'core:sample_start': 0 }],
    global: object = {},
  ): Promise<string> {
    const metadata = {
      global: {
        'core:datatype': datatype,
        'core:version': '1.2.5',
        'core:sample_rate': sampleRate,
        'core:sha512': createHash('sha512').update(data).digest('hex'),
        ...global,
      },
      captures,
      annotations: [],
    };
    const file = join(this.dir, `${name}.sigmf-meta`);
    await writeFile(file, JSON.stringify(metadata));
    await writeFile(join(this.dir, `${name}.sigmf-data`), data);
    return file;
  }

  remove(): Promise<void> {
    return rm(this.dir, { recursive: true });
  }
}

/** Bytes that repeat nowhere within 2^32: a shift, a loss or a swap shows. */
export function countingBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed >>> 0;
  const { imul } = Math;
  for (let i = 0; i < length; i++) {
    state = (imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { run } from './run.ts';

/** What a reader of SigMF that knows nothing of us finds in an archive. */
export interface FoundRecording {
  readonly name: string;
  /** Of samples. */
  readonly bytes: number;
  readonly captures: readonly Readonly<Record<string, unknown>>[];
}

/** Names the JSON schema of the SigMF project, where somebody has it: recordings are then held to it, too. */
const OFFICIAL_SCHEMA = process.env.PASSBAND_SIGMF_SCHEMA;

const inTest = (...path: readonly string[]): string => join(PACKAGE_ROOT, 'test', ...path);

const SCHEMAS = [inTest('sigmf', 'recording.schema.json'), ...(OFFICIAL_SCHEMA === undefined ? [] : [OFFICIAL_SCHEMA])];

/** The same for the two files NAME.sigmf-data and NAME.sigmf-meta in a folder. */
export function readSigmfPair(folder: string, name: string): Promise<FoundRecording> {
  return inArchive(async (file) => {
    const members = ['data', 'meta'].map((kind) => `${name}.sigmf-${kind}`);
    expect(await run('tar', ['--format=ustar', '-cf', file, '-C', folder, ...members])).toMatchObject({ code: 0 });
  });
}

/** Has GNU tar and a Python program read an archive, and the latter hold it to what SigMF says. */
export function readSigmf(archive: Uint8Array): Promise<FoundRecording> {
  return inArchive((file) => writeFile(file, archive));
}

async function inArchive(write: (file: string) => Promise<void>): Promise<FoundRecording> {
  const folder = await mkdtemp(join(tmpdir(), 'passband-sigmf-'));
  try {
    const file = join(folder, 'recording.sigmf');
    await write(file);
    const listed = await run('tar', ['-tvf', file]);
    expect([listed.code, listed.stderr]).toEqual([0, '']);
    const read = await run('/usr/bin/python3', [inTest('support', 'read_sigmf.py'), file, ...SCHEMAS]);
    expect(read.stderr).toBe('');
    return JSON.parse(read.stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

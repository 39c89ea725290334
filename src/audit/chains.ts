import { stat } from 'node:fs/promises';
import { UsageError } from '../errors.ts';
import { journalFiles } from './file-names.ts';
import { MAX_LINE_BYTES, readLine } from './line.ts';
import { linesOf } from './lines-of.ts';

/** The files of one journal, in the order of their chain. */
export interface ChainFiles {
  readonly program: string;
  readonly files: readonly string[];
}

/**
 * Sorts files of journals into their chains, by what their first lines say of them. A folder stands for all journals
 * in it.
 *
 * @throws UsageError for a folder without journals; the file system's own error for what is not there.
 */
export async function chainsOf(paths: readonly string[]): Promise<ChainFiles[]> {
  const chains = new Map<string, { readonly path: string; readonly number: number }[]>();
  const seen = new Set<string>();
  for (const path of (await Promise.all(paths.map(filesAt))).flat()) {
    // A file that is just being put aside has two names.
    const { dev, ino } = await stat(path);
    if (seen.has(`${dev}:${ino}`)) continue;
    seen.add(`${dev}:${ino}`);
    const { program, number } = await titleOf(path);
    const chain = chains.get(program) ?? [];
    chain.push({ path, number });
    chains.set(program, chain);
  }
  return [...chains].map(([program, files]) => ({
    program,
    files: files.sort((one, other) => one.number - other.number).map(({ path }) => path),
  }));
}

async function filesAt(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const files = await journalFiles(path);
  if (files.length === 0)
    throw new UsageError(`${path} has no audit journal; name the folder of --audit, or its files`);
  return files;
}

/** What a file's first line calls it; one that does not say is a chain of its own, which then breaks at its first line. */
async function titleOf(path: string): Promise<{ readonly program: string; readonly number: number }> {
  for await (const { bytes } of linesOf(path, MAX_LINE_BYTES)) {
    const { program, file } = readLine(bytes)?.members ?? {};
    if (typeof program === 'string' && typeof file === 'number') return { program, number: file };
    break;
  }
  return { program: path, number: 0 };
}

import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, exists, moveNew, syncFolder, writeNew } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { CERTIFICATE_MODE, KEY_MODE } from './tls-files.ts';

/** A certificate to be put into a folder, and its key where that is made with it. */
export interface NewPair {
  readonly certPem: string;
  readonly keyPem?: string;
}

/** What is waiting to become NAME.crt and NAME.key: in the place of nothing, or of those that are there. */
type Manner = 'issued' | 'renewed';

const PENDING = /^(.+)\.(crt|key)\.(issued|renewed)$/;

/**
 * Puts NAME.crt and NAME.key into a folder, both or none, whenever the process is killed: they are written beside their
 * places first, key before certificate, and once the certificate is there the rest is only renaming, which
 * finishInterrupted does where this could not. Call it under the folder's lock.
 *
 * @param manner 'renewed' replaces what is there.
 * @throws UsageError when a file is there that shall not be replaced.
 */
export async function writePair(dir: string, name: string, pair: NewPair, manner: Manner): Promise<void> {
  if (pair.keyPem !== undefined) await writeNew(join(dir, `${name}.key.${manner}`), pair.keyPem, KEY_MODE);
  await writeNew(join(dir, `${name}.crt.${manner}`), pair.certPem, CERTIFICATE_MODE);
  await finish(dir, name, manner);
}

/** Completes, or removes, what a process that was killed left. Call it under the folder's lock. */
export async function finishInterrupted(dir: string): Promise<void> {
  for (const file of await readdir(dir)) {
    const [, name = '', end, manner] = PENDING.exec(file) ?? [];
    if (manner !== 'issued' && manner !== 'renewed') continue;
    const committed = await exists(join(dir, `${name}.crt.${manner}`));
    if (committed) await finish(dir, name, manner);
    // The key alone: its certificate was never handed out.
    else if (end === 'key') await rm(join(dir, file), { force: true });
  }
}

async function finish(dir: string, name: string, manner: Manner): Promise<void> {
  for (const end of ['key', 'crt']) {
    const [from, to] = [join(dir, `${name}.${end}.${manner}`), join(dir, `${name}.${end}`)];
    if (!(await exists(from))) continue;
    if (manner === 'renewed') await rename(from, to);
    else await moveUnlessThere(from, to);
  }
  await syncFolder(dir);
}

/** Nothing that somebody else put there is replaced; what was linked already only loses its first name. */
async function moveUnlessThere(from: string, to: string): Promise<void> {
  try {
    await moveNew(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    if ((await readFile(from)).equals(await readFile(to))) await rm(from, { force: true });
    else {
      throw new UsageError(`${to} is there, and ${from} was to become it; remove the one that you do not want`, {
        cause: error,
      });
    }
  }
}

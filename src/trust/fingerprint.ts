import { statSync } from 'node:fs';
import { errnoOf } from '../durable-files.ts';

/**
 * What tells one state of some files from another without reading them. Two equal fingerprints mean that nothing was
 * written, replaced, re-linked or removed in between.
 *
 * A symbolic link is followed, so that a link somewhere on the way that is turned to another folder (as Kubernetes does
 * with `..data`) shows as another inode. The change time is in it since nobody can set it: a copy that keeps the
 * modification time, or an inode number that is used again, still shows.
 *
 * Some microseconds a file, at once: to wait for turns of a busy event loop would take longer than a revocation may.
 */
export function fingerprint(files: readonly string[]): string {
  return files.map(stateOf).join('|');
}

function stateOf(file: string): string {
  try {
    const status = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (status === undefined) return 'absent';
    const { dev, ino, size, mtimeNs, ctimeNs } = status;
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    // Behind a folder that cannot be entered: a state like any other, which ends when it can be seen again.
    return errnoOf(error) ?? String(error);
  }
}

import { stat } from 'node:fs/promises';
import { errnoOf } from '../pki/store.ts';

/**
 * What tells one state of some files from another without reading them. Two equal fingerprints mean that nothing was
 * written, replaced, re-linked or removed in between.
 *
 * A symbolic link is followed, so that a link somewhere on the way that is turned to another folder (as Kubernetes does
 * with `..data`) shows as another inode. The change time is in it since nobody can set it: a copy that keeps the
 * modification time, or an inode number that is used again, still shows.
 */
export async function fingerprint(files: readonly string[]): Promise<string> {
  const each = files.map(async (file) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
      return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
    } catch (error) {
      // Absent, or behind a folder that cannot be entered: a state like any other, which ends when it can be seen again.
      return errnoOf(error) ?? String(error);
    }
  });
  return (await Promise.all(each)).join('|');
}

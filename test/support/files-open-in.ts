import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Files of a folder that this process has open. */
export async function filesOpenIn(dir: string): Promise<readonly string[]> {
  const links = await readdir('/proc/self/fd');
  const targets = await Promise.all(links.map((link) => readlink(join('/proc/self/fd', link)).catch(() => '')));
  return targets.filter((target) => target.startsWith(dir));
}

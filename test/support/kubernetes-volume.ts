import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder whose files are those of a volume, as a Kubernetes secret is mounted. */
export interface KubernetesVolume {
  /** Puts a volume in place that differs in these files, all at once: `..data` is turned from one folder to the other. */
  swap(files: Readonly<Record<string, string>>): Promise<void>;
}

/** Turns what a folder has into a volume: every file becomes a link over `..data`, which is a link itself. */
export async function mountedAsVolume(dir: string): Promise<KubernetesVolume> {
  const names = (await readdir(dir)).filter((name) => /\.(crt|key|pem|yaml)$/.test(name));
  let count = 0;
  const turnTo = async (files: Readonly<Record<string, string>>): Promise<void> => {
    count += 1;
    const folder = `..2026_${count}`;
    await mkdir(join(dir, folder));
    for (const name of names) {
      const content = files[name] ?? (await readFile(join(dir, name)));
      await writeFile(join(dir, folder, name), content, { mode: 0o600 });
    }
    await symlink(folder, join(dir, '..data_tmp'));
    await rename(join(dir, '..data_tmp'), join(dir, '..data'));
  };
  await turnTo({});
  for (const name of names) {
    await symlink(join('..data', name), join(dir, `${name}.link`));
    await rename(join(dir, `${name}.link`), join(dir, name));
  }
  return { swap: turnTo };
}

import { withFolderLock } from '../../pki/folder-lock.ts';

/** Takes a folder for this process alone; returns how to give it back. @throws UsageError when another process has it. */
export async function holdFolder(folder: string): Promise<() => Promise<void>> {
  let release = (): void => {};
  let held = (): void => {};
  const isHeld = new Promise<void>((resolve) => {
    held = resolve;
  });
  const over = withFolderLock(
    folder,
    () => {
      held();
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    },
    0,
  );
  await Promise.race([isHeld, over]);
  return async () => {
    release();
    await over;
  };
}

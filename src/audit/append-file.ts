import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** A file that is only ever written at its end. */
export interface AppendFile {
  /** Writes some of the bytes, and tells how many. */
  append(bytes: Uint8Array): Promise<number>;
  /** Resolves when what was written is on the disk. */
  sync(): Promise<void>;
  /** Whether it is still what is found under a path: a file that was moved away or removed takes lines all the same. */
  isAt(path: string): Promise<boolean>;
  /** Its size as it is now, whoever wrote to it. */
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Opens such a file, making it when it is not there. Tests bring their own, on which writing fails. */
export type OpenAppendFile = (path: string) => Promise<AppendFile>;

/** Permission bits of a journal: its owner's alone. */
const MODE = 0o600;

/** Opens a file of the file system's. A link in its place is refused: it would lead the lines elsewhere. */
export const openAppendFile: OpenAppendFile = async (path) => {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const handle = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, MODE);
  return {
    append: async (bytes) => (await handle.write(bytes)).bytesWritten,
    sync: () => handle.datasync(),
    isAt: async (name) => {
      const [mine, there] = await Promise.all([handle.stat(), stat(name).catch(() => undefined)]);
      return mine.dev === there?.dev && mine.ino === there.ino;
    },
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
};

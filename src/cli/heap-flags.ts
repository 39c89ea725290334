import { setFlagsFromString } from 'node:v8';

/** The program whose frames are thrown away by the hundred a second. */
const PROGRAM = 'backend';

/**
 * What is set, unless whoever started the program chose something of the kind.
 *
 * Frames of samples are large buffers outside the heap, of which a young generation only sees the small objects that own
 * them. One of the usual size (sixteen times as much as at the beginning) is collected so rarely that V8 answers the memory
 * they hold by collections of the whole heap, tens of milliseconds long; a small one is collected often and lets go of them
 * in time. Its size itself can only be set when a process starts, but the factor of its growth is read whenever it grows.
 *
 * Such memory also counts as growth of the heap, and where V8 means to keep that small, some eight megabytes are enough for
 * a collection of all of it: at 80 MB/s, six a second. So the heap may grow to four times what was in use.
 */
const FLAGS = [
  { flag: '--semi-space-growth-factor=1', ownChoice: /semi[-_]space/ },
  { flag: '--heap-growing-percent=300', ownChoice: /heap[-_]growing/ },
] as const;

/**
 * The flags of V8 that a program sets for itself.
 *
 * @param program what the command line runs.
 * @param chosen what Node was started with: its own flags and those of NODE_OPTIONS.
 */
export function heapFlags(program: string | undefined, chosen: readonly string[]): readonly string[] {
  if (program !== PROGRAM) return [];
  return FLAGS.filter(({ ownChoice }) => !chosen.some((flags) => ownChoice.test(flags))).map(({ flag }) => flag);
}

/** Sets them. What is loaded makes the young generation grow as well; so this must be called before anything else is. */
export function setHeapFlags(program: string | undefined, chosen: readonly string[]): void {
  for (const flag of heapFlags(program, chosen)) setFlagsFromString(flag);
}

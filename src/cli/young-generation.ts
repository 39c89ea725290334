import { setFlagsFromString } from 'node:v8';

/** The program whose frames are thrown away by the hundred a second. */
const PROGRAM = 'backend';

/**
 * Keeps V8's young generation as small as it is at the beginning (a megabyte for each half) in a backend, unless whoever
 * started it chose a size. Frames of samples are large buffers outside the heap, of which a young generation only sees the
 * small objects that own them: one of the usual size (sixteen times as much) is collected so rarely that V8 answers the memory
 * they hold by collections of the whole heap, tens of milliseconds long. A small one is collected often and lets go of
 * them in time.
 *
 * The size itself can only be set when a process starts, but the factor of its growth is read whenever it grows. What is
 * loaded makes it grow as well; so this must be called before anything else is.
 *
 * @param program what the command line runs.
 * @param chosen what Node was started with: its own flags and those of NODE_OPTIONS.
 */
export function keepYoungGenerationSmall(program: string | undefined, chosen: readonly string[]): void {
  if (program !== PROGRAM || chosen.some((flags) => /semi[-_]space/.test(flags))) return;
  setFlagsFromString('--semi-space-growth-factor=1');
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Digits of a file's number in its name; more come when they are needed. */
const NUMBER_DIGITS = 6;
const NUMBERED = /^([a-z][a-z0-9-]*)\.([0-9]{6,})\.jsonl$/;
const ACTIVE = /^([a-z][a-z0-9-]*)\.jsonl$/;

/** The file of a journal that is written to. */
export function activeFile(folder: string, program: string): string {
  return join(folder, `${program}.jsonl`);
}

/** A file that is full, by its number. */
export function numberedFile(folder: string, program: string, number: number): string {
  return join(folder, `${program}.${String(number).padStart(NUMBER_DIGITS, '0')}.jsonl`);
}

/** A full file of a journal. */
export interface NumberedFile {
  readonly path: string;
  readonly number: number;
}

/** The full files of a journal, oldest first. */
export async function numberedFiles(folder: string, program: string): Promise<NumberedFile[]> {
  const found = (await readdir(folder)).flatMap((name) => {
    const [, ofProgram, number] = NUMBERED.exec(name) ?? [];
    return ofProgram === program ? [{ path: join(folder, name), number: Number(number) }] : [];
  });
  return found.sort((one, other) => one.number - other.number);
}

/** Every file of every journal in a folder. */
export async function journalFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => NUMBERED.test(name) || ACTIVE.test(name))
    .sort()
    .map((name) => join(folder, name));
}

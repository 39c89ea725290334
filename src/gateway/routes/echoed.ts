/** Characters of a caller's own text that an error repeats: enough to find it by, too little to fill a log. */
const MAX_ECHOED_CHARACTERS = 128;

/** The beginning of a caller's own text, as an error may repeat it. */
export function echoed(text: string): string {
  return text.slice(0, MAX_ECHOED_CHARACTERS);
}

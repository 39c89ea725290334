/** Characters of an operation's summary; longer ones break the lists that tools make of them. */
const MAX_SUMMARY_LENGTH = 120;

/**
 * A proto comment as a description. Remarks for the proto's own authors, `(-- … --)` as googleapis writes them and
 * lines of linters (`buf:lint:…`), are left out.
 */
export function description(comment: string | null | undefined): string | undefined {
  const text = (comment ?? '')
    .replace(/\(--[\s\S]*?--\)/g, '')
    .split('\n')
    .filter((line) => !/^\s*buf:lint:/.test(line))
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  return text === '' ? undefined : text;
}

/** The first sentence of a comment without its full stop, or `otherwise` where there is no comment. */
export function summary(comment: string, otherwise: string): string {
  const paragraph = description(comment)?.split('\n\n')[0]?.replace(/\s+/g, ' ');
  if (paragraph === undefined) return otherwise;
  // A full stop ends a sentence when a capital follows: "e.g. this" does not end one.
  const sentence = (/^(.+?)\.(?= \p{Lu}|$)/su.exec(paragraph)?.[1] ?? paragraph).replace(/\.$/, '');
  if (sentence.length <= MAX_SUMMARY_LENGTH) return sentence;
  const cut = sentence.slice(0, MAX_SUMMARY_LENGTH - 1);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), MAX_SUMMARY_LENGTH / 2))}…`;
}

/** Paragraphs as one description; absent ones are left out. */
export function paragraphs(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('\n\n');
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

/** A fenced block of the README and the comment above it, which no reader sees and which says what becomes of it. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** `runs: PATTERN`, `not run: WHY`, `file: NAME`, `before every other`; empty where there is no comment. */
  readonly mark: string;
  readonly line: number;
}

/** A document of the project as text. */
export function documentText(name: string): string {
  return readFileSync(join(PACKAGE_ROOT, name), 'utf8');
}

/** The fenced blocks of a document, in their order. */
export function blocksOf(text: string): Block[] {
  const block = /^(?:<!-- (.*) -->\n)?```(\w*)\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(block)].map((match) => ({
    mark: match[1] ?? '',
    language: match[2] ?? '',
    text: match[3] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }));
}

/** The rows of the first table after a text, without its head, as cells. */
export function tableAfter(text: string, anchor: string): string[][] {
  const start = text.indexOf(anchor);
  if (start === -1) throw new Error(`there is no "${anchor}" in the document`);
  const [table = ''] = /(?:^\|.*\n)+/m.exec(text.slice(start)) ?? [];
  const rows = table.trim().split('\n').slice(2);
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}

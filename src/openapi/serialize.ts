import { stringify } from 'yaml';
import type { OpenApiDocument } from './model.ts';

/** The two ways to write a document down. */
export type DocumentFormat = 'yaml' | 'json';

/** First line of every YAML document, so that nobody edits it by hand. */
export const GENERATED_BY = '# Made by `npx passband openapi` from the protos; edit those and run it again.';

/** The text of a document: the same bytes for the same document, with a newline at the end. */
export function documentText(document: OpenApiDocument, format: DocumentFormat): string {
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const body = stringify(document, {
    // Every operation in full: anchors and aliases are hard to read and not understood everywhere.
    aliasDuplicateObjects: false,
    // Readers of YAML 1.1 take bare yes, no, on and off for booleans; enums have such names.
    compat: 'yaml-1.1',
    blockQuote: 'literal',
    lineWidth: 120,
  });
  return `${GENERATED_BY}\n${body}`;
}

/** Text that is HTML already. Made by {@link html} alone, so that nothing unescaped gets into a page by mistake. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: text and numbers are escaped, markup is not, undefined and false are left out. */
export type Insert = string | number | Markup | readonly Insert[] | undefined | false;

/** A template whose inserts are escaped, for element content and quoted attributes alike. */
export function html(strings: TemplateStringsArray, ...inserts: readonly Insert[]): Markup {
  return new Markup(
    strings.map((text, index) => text + (index < inserts.length ? render(inserts[index]) : '')).join(''),
  );
}

function render(insert: Insert): string {
  if (insert === undefined || insert === false) return '';
  if (insert instanceof Markup) return insert.text;
  if (typeof insert === 'string' || typeof insert === 'number') return escapeHtml(String(insert));
  return insert.map(render).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/**
 * A description as HTML: the part of CommonMark that proto comments use, which is paragraphs, lists with `-`, and code
 * between backticks. Anything else stays the text that it is.
 */
export function prose(text: string | undefined): Markup {
  const blocks = (text ?? '').split(/\n{2,}/).filter((block) => block.trim() !== '');
  return html`${blocks.map((block) => {
    const lines = block.split('\n');
    if (!lines.every((line) => /^(- |\s+\S)/.test(line)) || !block.startsWith('- '))
      return html`<p>${inline(block)}</p>\n`;
    return html`<ul>${block
      .split(/^- /m)
      .filter((item) => item !== '')
      .map((item) => html`<li>${inline(item)}</li>`)}</ul>\n`;
  })}`;
}

/** One run of text with its code between backticks. */
export function inline(text: string): Markup {
  const parts = text.trim().split(/`([^`]+)`/);
  return html`${parts.map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

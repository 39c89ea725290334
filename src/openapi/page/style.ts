import { createHash } from 'node:crypto';
import { html, Markup } from './markup.ts';

/** One sheet for every page: no fonts, no images, nothing from elsewhere. */
const STYLE = `
:root { color-scheme: light dark; --ground: #fbfbfa; --raised: #fff; --sunk: #f2f3f1; --line: #dfe2dd; --ink: #1c2321;
  --soft: #586460; --accent: #0b6459; --get: #0b6459; --post: #8a4b08; --put: #4b4fa3; --delete: #a3282f;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
  --text: system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) { :root { --ground: #131817; --raised: #1a201f; --sunk: #202827; --line: #313b39;
  --ink: #e4eae8; --soft: #9dabA7; --accent: #6fd0c0; --get: #6fd0c0; --post: #e8ac6a; --put: #a9aef2;
  --delete: #f09a9d; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.6 var(--text); overflow-wrap: break-word; }
a { color: var(--accent); text-underline-offset: .2em; text-decoration-thickness: 1px; }
a:focus-visible, summary:focus-visible, pre:focus-visible, .wide:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; } .skip:focus { left: 1rem; top: 1rem; background: var(--raised);
  padding: .5rem 1rem; z-index: 1; }
h1, h2, h3, h4 { line-height: 1.25; margin: 0; font-weight: 650; letter-spacing: -.01em; }
h1 { font-size: 1.9rem; } h2 { font-size: 1.4rem; } h3 { font-size: 1.08rem; }
h4 { font: 600 .8rem/1.4 var(--mono); color: var(--soft); margin: 1.1rem 0 .2rem; letter-spacing: 0; }
h4 + p { margin-top: 0; }
p, ul { margin: .5rem 0; } ul { padding-left: 1.25rem; }
code, pre, .path { font-family: var(--mono); font-size: .875em; }
code { background: var(--sunk); padding: .1em .3em; border-radius: 3px; }
pre { background: var(--sunk); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; margin: .4rem 0;
  overflow-x: auto; line-height: 1.5; } pre code { background: none; padding: 0; font-size: 1em; }
table { border-collapse: collapse; width: 100%; font-size: .925rem; }
th { text-align: left; font-weight: 600; font-size: .8rem; color: var(--soft); }
th, td { padding: .45rem 1rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; } tr:last-child > td { border-bottom: 0; }
td p:first-child { margin-top: 0; } td p:last-child { margin-bottom: 0; }
td:first-child { white-space: nowrap; } td.type { color: var(--soft); min-width: 9rem; }
.wide { overflow-x: auto; }
.soft { color: var(--soft); } .small { font-size: .875rem; } .old { text-decoration: line-through; }
.tag { font-size: .75rem; color: var(--soft); border: 1px solid var(--line); border-radius: 99px; padding: 0 .5em;
  white-space: nowrap; }
.verb { display: inline-block; font: 700 .72rem/1 var(--mono); letter-spacing: .03em; color: var(--soft); }
.GET, .HEAD { color: var(--get); } .POST { color: var(--post); } .PUT, .PATCH { color: var(--put); }
.DELETE { color: var(--delete); }
.book { display: grid; grid-template-columns: 19rem minmax(0, 1fr); max-width: 84rem; margin: 0 auto; }
.book > nav { position: sticky; top: 0; align-self: start; height: 100vh; overflow-y: auto; font-size: .875rem;
  padding: 2rem 1.25rem 2rem 1.5rem; border-right: 1px solid var(--line); }
nav details, nav details:last-of-type { border: 0; } nav summary { font-size: 1rem; }
.book > nav ul { list-style: none; padding: 0; margin: .15rem 0 1.1rem; }
.book > nav li a { display: grid; grid-template-columns: 3.4rem 1fr; gap: .3rem; align-items: baseline; padding: .2rem 0;
  color: inherit; text-decoration: none; line-height: 1.4; } .book > nav li a:hover { color: var(--accent); }
.book > nav .group { font-weight: 600; text-decoration: none; color: var(--ink); }
main { padding: 2.5rem 3rem 5rem; min-width: 0; }
main > section { margin-top: 3.5rem; }
.card { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem 1.5rem;
  margin-top: 1.25rem; }
.card > header { display: flex; flex-wrap: wrap; gap: .3rem .75rem; align-items: baseline; }
.card > header .path { overflow-wrap: anywhere; } .card > header .verb { font-size: .85rem; }
.card h3 { flex-basis: 100%; }
details { border-top: 1px solid var(--line); } details:last-of-type { border-bottom: 1px solid var(--line); }
.card > details:first-of-type { margin-top: 1.2rem; }
details > div { padding: .25rem 0 1rem; }
summary { cursor: pointer; padding: .55rem 0; font-weight: 600; font-size: .925rem; }
summary::marker { color: var(--soft); } summary .soft { font-weight: 400; }
.card.schema { padding: .2rem 1.5rem; margin-top: .6rem; } .card.schema details { border: 0; }
.card.schema details > div { scroll-margin-top: 3rem; } .card.schema summary { font-weight: 400; }
td details { border: 0 !important; } td summary { padding: .1rem 0; font-weight: 400; }
td table { font-size: .875rem; }
.page { max-width: 56rem; margin: 0 auto; padding: 3.5rem 1.5rem 4rem; }
.page .card { margin-top: 1.5rem; } .row { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; }
.dot { display: inline-block; width: .55em; height: .55em; border-radius: 50%; background: var(--soft);
  margin-right: .5em; } .dot.on { background: var(--accent); }
td.number, th.number { text-align: right; padding-right: 1.75rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
footer { margin-top: 3rem; color: var(--soft); font-size: .875rem; }
@media (max-width: 62rem) { .book { display: block; } .book > nav { position: static; height: auto; border: 0;
  border-bottom: 1px solid var(--line); padding: 1rem 1.25rem; } main { padding: 1.5rem 1.25rem 4rem; }
  .card { padding: 1rem; } .card.schema { padding: .2rem 1rem; } }
@media print { .book { display: block; } .book > nav { display: none; } .card { break-inside: avoid; } }
`;

/** What the Content-Security-Policy of a page must allow under `style-src`, and all that it must allow. */
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** A whole HTML page. It needs no script and loads nothing. */
export function pageHtml(title: string, body: Markup): string {
  return `<!doctype html>
${
  html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.text
}`;
}

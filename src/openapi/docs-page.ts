import { type OpenApiDocument, operationsOf } from './model.ts';
import { html, type Insert, type Markup, prose } from './page/markup.ts';
import { type ListedOperation, operationHtml } from './page/operation-html.ts';
import { schemaCard } from './page/schema-html.ts';
import { pageHtml } from './page/style.ts';

export { STYLE_SOURCE } from './page/style.ts';

/**
 * A document as one page to read: navigation by service, every operation with parameters, bodies, answers and a command
 * to paste, and all schemas. It is complete as it is sent: no script, no request to anywhere, one style sheet whose
 * hash is {@link STYLE_SOURCE}.
 */
export function docsPage(document: OpenApiDocument): string {
  const { info, components, tags } = document;
  const listed = Object.entries(document.paths).flatMap(([path, item]) =>
    operationsOf(item).map(([method, operation]): ListedOperation => ({ method, path, operation })),
  );
  const groups = tags.map((tag) => ({
    tag,
    operations: listed.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const body = html`<a class="skip" href="#content">To the content</a>
<div class="book">
<nav aria-label="Operations"><details open><summary>${info.title} <span class="soft">${info.version}</span></summary><div>
${groups.map(
  ({ tag, operations }) => html`<a class="group" href="#tag-${tag.name}">${tag.name}</a>
<ul>${operations.map(navigationItem)}</ul>`,
)}
<a class="group" href="#errors">Errors</a><ul></ul><a class="group" href="#schemas">Schemas</a>
</div></details></nav>
<main id="content">
<header><h1>${info.title}</h1><p class="soft">Version ${info.version} · <a href="/openapi.json">openapi.json</a> · <a href="/">start page</a></p>
${prose(info.description)}</header>
${groups.map(
  ({
    tag,
    operations,
  }) => html`<section aria-labelledby="tag-${tag.name}"><h2 id="tag-${tag.name}">${tag.name}</h2>${prose(tag.description)}
${operations.map((operation) => operationHtml(document, operation))}</section>\n`,
)}
<section aria-labelledby="errors"><h2 id="errors">Errors</h2>
<p>Every error is <code>application/problem+json</code>, <a href="#schema-Problem">Problem</a>. An error after a stream has begun
is told in the stream: as the event <code>end</code> of server-sent events.</p>
${errorTable(document)}</section>
<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => schemaCard(name, schema))}</section>
</main>
</div>`;
  return pageHtml(`${info.title} ${info.version}`, body);
}

function navigationItem({ method, operation }: ListedOperation): Markup {
  const name = operation['x-grpc-method']?.replace(/^.*\//, '') ?? operation.operationId.replace(/^.*?_/, '');
  return html`<li><a href="#op-${operation.operationId}"><span class="verb ${method}">${method}</span><span>${name}</span></a></li>`;
}

function errorTable({ components, paths }: OpenApiDocument): Markup {
  const statusOf = new Map<string, string>();
  for (const item of Object.values(paths)) {
    for (const [, { responses }] of operationsOf(item)) {
      for (const [status, response] of Object.entries(responses)) {
        if ('$ref' in response) statusOf.set(response.$ref.replace('#/components/responses/', ''), status);
      }
    }
  }
  const rows = Object.entries(components.responses).map(
    ([name, { description }]): Insert =>
      html`<tr id="answer-${name}"><td><strong>${statusOf.get(name)}</strong></td><td>${prose(description)}</td></tr>\n`,
  );
  return html`<div class="card"><table><thead><tr><th scope="col">Status</th><th scope="col">Meaning</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

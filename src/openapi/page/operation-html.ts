import type { Content, OpenApiDocument, Operation, Parameter, Reference, Response, Schema } from '../model.ts';
import { curlExample } from './curl-example.ts';
import { html, type Insert, type Markup, prose } from './markup.ts';
import { nameHtml, schemaHtml, typeHtml } from './schema-html.ts';

/** One operation as it stands in a document. */
export interface ListedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** Everything about one operation. */
export function operationHtml(document: OpenApiDocument, { method, path, operation }: ListedOperation): Markup {
  const { operationId, summary, deprecated, requestBody } = operation;
  return html`<article class="card" id="op-${operationId}">
<header><h3>${deprecated ? html`<span class="old">${summary}</span> <span class="tag">deprecated</span>` : summary}</h3>
<span class="verb ${method}">${method}</span><span class="path">${breakable(path)}</span></header>
${prose(operation.description)}
<pre tabindex="0" aria-label="Example"><code>${curlExample(document, method, path, operation)}</code></pre>
${parametersHtml(document, operation)}
${requestBody !== undefined && section('Request body', html`${prose(requestBody.description)}${contentHtml(requestBody.content)}`)}
${responsesHtml(operation)}
</article>\n`;
}

/** A path that may break behind its slashes. */
function breakable(path: string): Markup {
  return html`${path.split(/(?<=\/)/).map((part, index): Insert => [index > 0 && html`<wbr>`, part])}`;
}

function section(title: string, body: Markup, hint: Insert = undefined): Markup {
  return html`<details><summary>${title} ${hint !== undefined && html`<span class="soft">${hint}</span>`}</summary><div>${body}</div></details>\n`;
}

function parametersHtml(document: OpenApiDocument, { parameters = [] }: Operation): Markup | undefined {
  const resolved = parameters.flatMap((one) => {
    const parameter =
      'in' in one ? one : document.components.parameters[one.$ref.replace('#/components/parameters/', '')];
    return parameter === undefined ? [] : [parameter];
  });
  if (resolved.length === 0) return undefined;
  const names = resolved.filter(({ in: where }) => where !== 'header').map(({ name }) => name);
  const table = html`<div class="wide" tabindex="0"><table><thead><tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">Type</th>
<th scope="col">Meaning</th></tr></thead><tbody>${resolved.map(parameterRow)}</tbody></table></div>`;
  return section('Parameters', table, names.join(', '));
}

function parameterRow({ name, in: where, deprecated, description, schema }: Parameter): Markup {
  const byDefault =
    schema.default === undefined ? undefined : html`<p class="soft">Otherwise <code>${schema.default}</code>.</p>`;
  return html`<tr><td>${nameHtml(name, deprecated)}</td><td class="soft">${where}</td><td class="type">${typeHtml(schema)}</td>
<td>${prose(description)}${byDefault}</td></tr>\n`;
}

/** Bodies by media type; those that carry the same are told together. */
function contentHtml(content: Content): Markup {
  const groups = new Map<string, { types: string[]; body: Markup }>();
  for (const [type, { schema, 'x-itemSchema': item }] of Object.entries(content)) {
    const body = mediaHtml(type, item ?? schema, item !== undefined);
    const group = groups.get(body.text) ?? { types: [], body };
    group.types.push(type);
    groups.set(body.text, group);
  }
  return html`${[...groups.values()].map(({ types, body }) => html`<h4>${types.join(', ').toLowerCase()}</h4>${body}`)}`;
}

function mediaHtml(type: string, schema: Schema, isStream: boolean): Markup {
  if (schema.format === 'binary') {
    return type === 'application/x-protobuf' ? html`<p>The same in protobuf's own form.</p>` : html`<p>Bytes.</p>`;
  }
  const lead = isStream ? 'A stream, each message: ' : undefined;
  if (schema.properties !== undefined) return html`${lead !== undefined && html`<p>${lead}</p>`}${schemaHtml(schema)}`;
  return html`<p>${lead}${typeHtml(schema)}</p>`;
}

function responsesHtml({ responses }: Operation): Markup {
  const entries = Object.entries(responses);
  const isShared = (response: Response | Reference): response is Reference => '$ref' in response;
  const own = entries.flatMap(([status, response]) =>
    isShared(response)
      ? []
      : [html`<h4>${status}</h4>${prose(response.description)}${contentHtml(response.content ?? {})}`],
  );
  const errors = entries.flatMap(([status, response]) =>
    isShared(response)
      ? [html`<a href="#${response.$ref.replace('#/components/responses/', 'answer-')}">${status}</a>`]
      : [],
  );
  const list = html`<p>Errors: ${errors.map((link, index): Insert => [index > 0 && ', ', link])}</p>`;
  const good = entries.filter(([, response]) => !isShared(response)).map(([status]) => status);
  return section('Answers', html`${own}${errors.length > 0 && list}`, good.join(', '));
}

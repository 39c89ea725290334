import type { Schema } from '../model.ts';
import { html, type Insert, inline, type Markup, prose } from './markup.ts';

const COMPONENT = '#/components/schemas/';
/** Objects within objects that are shown in place. Those of a document's own making are two deep. */
const MAX_INLINE_DEPTH = 4;

/** The name that a schema pointer leads to, or undefined where the schema stands in place. */
export function componentName({ $ref }: Schema): string | undefined {
  return $ref?.startsWith(COMPONENT) ? $ref.slice(COMPONENT.length) : undefined;
}

/** A component's name as people say it: without its package. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The type of a schema in a few words, with links to the messages it names. */
export function typeHtml(schema: Schema): Markup {
  const name = componentName(schema);
  if (name !== undefined) return html`<a href="#schema-${name}" title="${name}">${shortName(name)}</a>`;
  if (schema.items !== undefined) return html`list of ${typeHtml(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return html`map to ${typeHtml(schema.additionalProperties)}`;
  if (schema.oneOf !== undefined) {
    const [unit, choices] = [schema['x-unit'], schema.oneOf];
    const known = choices.map((choice) =>
      unit === undefined || choice.const !== undefined ? choice : { ...choice, 'x-unit': unit },
    );
    return html`${known.map((choice, index): Insert => [index > 0 && ' or ', typeHtml(choice)])}`;
  }
  if (schema.const !== undefined) return html`${schema.const}`;
  if (schema.contentEncoding !== undefined) return html`bytes, ${schema.contentEncoding}`;
  if (schema.enum !== undefined)
    return html`${schema.enum.map((value, at) => [at > 0 && ' | ', html`<code>${value}</code>`])}`;
  if (schema.type === undefined) return html`anything`;
  const range = rangeText(schema);
  return html`${schema.type}${schema.format !== undefined && `, ${schema.format}`}${range !== undefined && `, ${range}`}`;
}

/** Which numbers a schema takes and of what unit, where it says so. */
function rangeText(schema: Schema): string | undefined {
  const unit = schema['x-unit'];
  if (unit === undefined) return undefined;
  const limits = schema['x-limits'];
  if (limits !== undefined) return `${unit}, ${limits}`;
  const [min, max] = [schema.minimum ?? schema['x-minimum'], schema.maximum ?? schema['x-maximum']];
  return `${min} to ${max} ${unit}`;
}

/** A schema in full: its description and, of an object, a table of its members. */
export function schemaHtml(schema: Schema, depth = 0): Markup {
  const { properties } = schema;
  if (properties === undefined || depth > MAX_INLINE_DEPTH) {
    const isObject = schema.type === 'object' && schema.additionalProperties === undefined;
    return html`${prose(schema.description)}<p>${isObject ? 'An object without members.' : typeHtml(schema)}</p>`;
  }
  const rows = Object.entries(properties).map(([name, member]) => {
    const inner = member.properties === undefined ? undefined : schemaHtml({ ...member, description: '' }, depth + 1);
    return html`<tr><td>${nameHtml(name, member.deprecated)}${schema.required?.includes(name) && html` <span class="tag">required</span>`}</td>
<td class="type">${typeHtml(member)}</td><td>${prose(member.description)}${inner}</td></tr>\n`;
  });
  return html`${prose(schema.description)}
<div class="wide" tabindex="0"><table><thead><tr><th scope="col">Member</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

/** The name of a member or parameter, crossed out where it is not to be used any more. */
export function nameHtml(name: string, deprecated: true | undefined): Markup {
  if (deprecated === undefined) return html`<code>${name}</code>`;
  return html`<code class="old">${name}</code> <span class="tag">deprecated</span>`;
}

/** One shared schema, folded up. Its id lies inside, since browsers unfold what a link leads into. */
export function schemaCard(name: string, schema: Schema): Markup {
  const first = schema.description?.split('\n')[0];
  return html`<div class="card schema"><details><summary><code>${name}</code>${
    first !== undefined && html` <span class="soft small">${inline(first)}</span>`
  }</summary><div id="schema-${name}">${schemaHtml(schema)}</div></details></div>\n`;
}

import { html, type Markup } from './page/markup.ts';
import { pageHtml } from './page/style.ts';

/** A station as the start page shows it. */
export interface StationRow {
  readonly id: string;
  readonly description: string;
  /** Name of the state as the proto spells it, or any other text. */
  readonly state: string;
  /** Complex samples per second. */
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
}

/** What the start page shows. */
export interface IndexContent {
  /** Common name of the caller's certificate. */
  readonly cn: string;
  /** `unreadable` when they could not be read, or not by this caller; `none` where the backend has no such thing. */
  readonly stations: readonly StationRow[] | 'unreadable' | 'none';
  /** Version of Passband. */
  readonly version: string;
}

/** The start page: who the caller is, which stations there are, and where to go from here. */
export function indexPage({ cn, stations, version }: IndexContent): string {
  return pageHtml(
    'Passband',
    html`<main class="page">
<header><h1>Passband</h1><p>You are <code>${cn}</code>, by the certificate of this connection.
<a href="/whoami">What it says of you</a></p></header>
${stations === 'none' ? '' : stationSection(stations)}
<section class="card" aria-labelledby="next"><h2 id="next">From here</h2><ul>
<li><a href="/docs">Every call, its parameters and answers</a>, with commands to paste</li>
<li><a href="/openapi.json">The same as OpenAPI 3.1</a>, to generate clients from</li>
<li><a href="/readyz">Whether the backend can be reached</a></li></ul></section>
<footer>Passband ${version}</footer>
</main>`,
  );
}

function stationSection(stations: readonly StationRow[] | 'unreadable'): Markup {
  return html`<section class="card" aria-labelledby="stations"><h2 id="stations">Stations</h2>${stationTable(stations)}</section>`;
}

function stationTable(stations: readonly StationRow[] | 'unreadable'): Markup {
  if (stations === 'unreadable') {
    return html`<p>The stations could not be read: the backend cannot be reached, or your policy does not let you list them, or not so often.</p>`;
  }
  if (stations.length === 0) return html`<p>There is none yet.</p>`;
  return html`<div class="wide" tabindex="0"><table><thead><tr><th scope="col">Station</th><th scope="col">State</th>
<th scope="col" class="number">Centre</th><th scope="col" class="number">Rate</th><th scope="col">What it is</th></tr></thead>
<tbody>${stations.map(stationRow)}</tbody></table></div>`;
}

function stationRow({ id, description, state, sampleRateHz, centerFrequencyHz }: StationRow): Markup {
  const word = state.replace(/^STATION_STATE_/, '').toLowerCase();
  const path = `/v1/stations/${encodeURIComponent(id)}`;
  return html`<tr><td><a href="${path}"><code>${id}</code></a></td>
<td><span class="dot ${word === 'running' ? 'on' : 'off'}"></span>${word}</td>
<td class="number">${withPrefix(centerFrequencyHz, 'Hz')}</td><td class="number">${withPrefix(sampleRateHz, 'S/s')}</td>
<td>${description}</td></tr>\n`;
}

const PREFIXES = [
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
] as const;

/** A quantity with an SI prefix: 1090000000 Hz is 1090 MHz. */
function withPrefix(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '?';
  const [prefix, factor] = PREFIXES.find(([, size]) => Math.abs(value) >= size * (size === 1e9 ? 10 : 1)) ?? ['', 1];
  return `${Number((value / factor).toFixed(6))} ${prefix}${unit}`;
}

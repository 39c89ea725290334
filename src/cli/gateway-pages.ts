import type { Descriptors, MethodDescriptor } from '../descriptors.ts';
import { admitForPage } from '../gateway/authorize.ts';
import type { Caller } from '../gateway/callers.ts';
import type { Exchange } from '../gateway/exchange.ts';
import type { Gateway, Pages } from '../gateway/gateway.ts';
import { printMessage } from '../gateway/routes/message-to-json.ts';
import { planOf } from '../gateway/routes/plan.ts';
import type { RouteTable } from '../gateway/routes/table.ts';
import { upstreamMetadata } from '../gateway/upstream/metadata.ts';
import { docsPage, STYLE_SOURCE } from '../openapi/docs-page.ts';
import { openApiDocument } from '../openapi/document.ts';
import { indexPage, type StationRow } from '../openapi/index-page.ts';
import { VERSION } from '../version.ts';

/** Milliseconds that the index page waits for the list of stations. */
const STATIONS_TIMEOUT_MS = 2_000;

/**
 * The gateway's documents for a set of protos, and the index page with what the backend has. The documents are made at
 * their first reading: only then is it known where the gateway listens.
 */
export function gatewayPages(
  descriptors: Descriptors,
  table: RouteTable,
  gateway: () => Gateway,
  about: { readonly title: string; readonly version: string; readonly serverUrl: () => string },
): Pages {
  let made: { readonly openApiJson: string; readonly docsHtml: string } | undefined;
  const documents = (): { readonly openApiJson: string; readonly docsHtml: string } => {
    if (made !== undefined) return made;
    const options = { title: about.title, version: about.version, serverUrl: about.serverUrl(), gatewayPages: true };
    const document = openApiDocument(descriptors, table, options);
    made = { openApiJson: JSON.stringify(document), docsHtml: docsPage(document) };
    return made;
  };
  const list = descriptors.methods.get('sdr.oran.StationService/ListStations');
  return {
    get openApiJson() {
      return documents().openApiJson;
    },
    get docsHtml() {
      return documents().docsHtml;
    },
    styleSources: [STYLE_SOURCE],
    indexHtml: async (exchange, caller) => {
      const stations = list === undefined ? 'none' : await readStations(gateway(), list, exchange, caller);
      return indexPage({ cn: caller.identity.cn, stations, version: VERSION });
    },
  };
}

/** The stations that this caller may see: by a call of its own, which counts like every other. */
async function readStations(
  gateway: Gateway,
  list: MethodDescriptor,
  exchange: Exchange,
  caller: Caller,
): Promise<readonly StationRow[] | 'unreadable'> {
  const allowed = await admitForPage(gateway, exchange, caller, list.name);
  if (allowed === undefined) return 'unreadable';
  try {
    const answer = await gateway.upstream.unary(list, Buffer.alloc(0), {
      metadata: upstreamMetadata({}, exchange.requestId, caller.identityJson),
      deadlineMs: Date.now() + STATIONS_TIMEOUT_MS,
      signal: exchange.gone.signal,
    });
    gateway.admission.pace(caller.identity, allowed)?.spend(answer.length);
    return rows(JSON.parse(printMessage(planOf(list.response), answer)));
  } catch (error) {
    exchange.cause = error;
    return 'unreadable';
  }
}

interface StationJson {
  readonly stationId?: string;
  readonly description?: string;
  readonly state?: string;
  readonly sampleRate?: number;
  readonly centerFrequencyHz?: number;
}

function rows(list: { readonly stations?: readonly StationJson[] }): readonly StationRow[] {
  return (list.stations ?? []).map((station) => ({
    id: station.stationId ?? '',
    description: station.description ?? '',
    state: station.state ?? '',
    sampleRateHz: station.sampleRate ?? 0,
    centerFrequencyHz: station.centerFrequencyHz ?? 0,
  }));
}

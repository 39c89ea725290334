import type { Descriptors } from '../descriptors.ts';
import { authorize } from '../gateway/authorize.ts';
import type { Gateway, Pages, StationRow } from '../gateway/gateway.ts';
import { printMessage } from '../gateway/routes/message-to-json.ts';
import { planOf } from '../gateway/routes/plan.ts';
import type { RouteTable } from '../gateway/routes/table.ts';
import { upstreamMetadata } from '../gateway/upstream/metadata.ts';
import { docsPage, STYLE_SOURCE } from '../openapi/docs-page.ts';
import { openApiDocument } from '../openapi/document.ts';
import { indexPage } from '../openapi/index-page.ts';

import { VERSION } from './version.ts';

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
  serverUrl: () => string,
): Pages {
  let made: { readonly openApiJson: string; readonly docsHtml: string } | undefined;
  const documents = (): { readonly openApiJson: string; readonly docsHtml: string } => {
    if (made !== undefined) return made;
    const about = { title: 'Passband', version: VERSION, serverUrl: serverUrl(), gatewayPages: true };
    const document = openApiDocument(descriptors, table, about);
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
    index: (cn, stations) => indexPage({ cn, stations, version: VERSION }),
    stations: async (exchange, caller) => {
      if (list === undefined) return undefined;
      try {
        authorize(gateway(), exchange, caller, list.name, {});
        const answer = await gateway().upstream.unary(list, Buffer.alloc(0), {
          metadata: upstreamMetadata({}, exchange.requestId, caller.identityJson),
          deadlineMs: Date.now() + STATIONS_TIMEOUT_MS,
          signal: exchange.gone.signal,
        });
        return rows(JSON.parse(printMessage(planOf(list.response), answer)));
      } catch {
        // The page says that they could not be read; the log says why.
        return undefined;
      }
    },
  };
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

import type { Audit } from '../audit/audit.ts';
import type { GatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import type { Caller, Callers } from './callers.ts';
import type { Exchange } from './exchange.ts';
import type { Admission } from './guard/admission.ts';
import type { LiveStreams } from './guard/live-streams.ts';
import type { Policy } from './guard/policy.ts';
import type { RouteTable } from './routes/table.ts';
import type { Upstream } from './upstream/call.ts';
import type { SharedStreams } from './upstream/shared-streams.ts';

/** What the request path works with. Built once, at the rim. */
export interface Gateway {
  readonly table: RouteTable;
  /** A function, since the policy may be replaced while the gateway runs. */
  readonly policy: () => Policy;
  readonly callers: Callers;
  readonly admission: Admission;
  readonly live: LiveStreams;
  readonly upstream: Upstream;
  readonly shared: SharedStreams;
  readonly metrics: GatewayMetrics;
  readonly log: Log;
  /** The record of who did what; it leaves the log lines of denials, too. */
  readonly audit: Audit;
  readonly limits: {
    readonly maxBodyBytes: number;
    readonly timeoutMs: number;
    readonly maxTimeoutMs: number;
  };
  readonly pages: Pages;
  /** Whether the backend can be called. */
  readonly ready: () => Promise<boolean>;
}

/** The gateway's own documents. */
export interface Pages {
  readonly openApiJson: string;
  readonly docsHtml: string;
  /** The start page for this caller. */
  readonly indexHtml: (exchange: Exchange, caller: Caller) => Promise<string>;
  /** Content-Security-Policy style hashes or `'self'` for the pages. */
  readonly styleSources: readonly string[];
}

import { randomUUID } from 'node:crypto';
import type { GatewayMetrics } from '../observability/gateway-metrics.ts';
import type { Log } from '../observability/log.ts';
import type { OnUnreadable } from './edge/unreadable.ts';
import { PROBLEM_TYPE, problemBody } from './problem.ts';

/** Takes down, like any other request, one that could not be read, and answers it with a problem document. */
export function unreadableRequest(log: Log, metrics: GatewayMetrics): OnUnreadable {
  return (error, remote) => {
    const requestId = randomUUID();
    const { status, code, cause } = error;
    metrics.request({ method: '', route: '', status, code }, 0);
    log.info({ requestId, remote, status, code, cause: cause === undefined ? undefined : String(cause) }, 'request');
    return { contentType: PROBLEM_TYPE, body: problemBody(error, requestId) };
  };
}

import type { Listener } from '../gateway/edge/listener.ts';
import type { LiveConnections } from '../gateway/guard/live-connections.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import type { RotatingUpstream } from '../gateway/upstream/rotating.ts';
import type { Log } from '../observability/log.ts';
import type { Material } from '../trust/material.ts';
import type { Reloadable } from '../trust/reloadable.ts';

/** What a gateway's files are carried to when they change. */
export interface Followers {
  readonly listener: Listener;
  readonly connections: LiveConnections;
  readonly upstream: RotatingUpstream;
  readonly log: Log;
}

type GatewayMaterial = Material<'server' | 'gateway'>;

/**
 * Carries what changed in the files to what runs by them: new handshakes get the new certificate, new calls the new
 * channel, and everything that is open is judged again by the new policy and the new trust.
 *
 * @param started the material that the followers were started with; a change since then is made up for.
 */
export function followChanges(
  material: Reloadable<GatewayMaterial>,
  policy: Reloadable<Policy>,
  { listener, connections, upstream, log }: Followers,
  started: GatewayMaterial,
): void {
  const onMaterial = (now: GatewayMaterial, before: GatewayMaterial): void => {
    const isOtherTrust = now.trust !== before.trust;
    // A session that is resumed is not verified again: those of before a change of trust must all be begun anew.
    if (isOtherTrust || now.tls.server !== before.tls.server) listener.replaceTls(now.tls.server, isOtherTrust);
    if (now.tls.gateway !== before.tls.gateway) upstream.replace();
    if (!isOtherTrust) return;
    connections.recheck();
    judgeBackend(upstream, log);
  };
  material.onChange(onMaterial);
  policy.onChange(() => connections.recheck());
  const now = material.current();
  if (now !== started) onMaterial(now, started);
}

/** Ends calls to a backend whose certificate does not stand any more. */
export function judgeBackend(upstream: RotatingUpstream, log: Log): void {
  for (const fault of upstream.judge()) log.warn({ fault }, 'calls to the backend are ended');
}

import type { Log } from '../observability/log.ts';
import type { Audit, AuditDecision, AuditFacts } from './audit.ts';

/**
 * An audit that also leaves a line at level warn in the program's log for what was denied, and for what passed only
 * because rules are in shadow mode. Gateway and backend leave the same, so that one query finds both.
 */
export function logged(audit: Audit, log: Log): Audit {
  return {
    assertWritable: () => audit.assertWritable(),
    decision: (facts, decision) => {
      audit.decision(facts, decision);
      logDecision(log, facts, decision);
    },
    streamEnd: (facts, end) => audit.streamEnd(facts, end),
    settled: () => audit.settled(),
    close: () => audit.close(),
  };
}

function logDecision(
  log: Log,
  facts: AuditFacts,
  { outcome, code, rule, reason, shadowed, cause }: AuditDecision,
): void {
  const { requestId, identity, peerCn, remote, rpc } = facts;
  const who = { requestId, cn: identity?.cn, peerCn, serial: identity?.serial, sha256: identity?.sha256, remote, rpc };
  if (shadowed !== undefined && shadowed.length > 0) {
    log.warn({ audit: 'shadow', ...who, rules: shadowed }, 'a rule in shadow mode would have denied this');
  }
  if (outcome === 'deny') {
    log.warn(
      { audit: 'deny', ...who, code, rule, reason, cause: cause === undefined ? undefined : String(cause) },
      'denied',
    );
  }
}

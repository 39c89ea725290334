import { judgeEntry } from './decide.ts';
import { grantsFor } from './grants.ts';
import type { Identity } from './identity.ts';
import type { Policy } from './policy.ts';

/** Where a stream may find its place before anything is known of its request. */
export interface Places {
  /** Names of the rules by which some request could be allowed. */
  readonly rules: readonly string[];
  /** Streams that these rules let the caller have at one time, all together; infinite where one of them has no limit. */
  readonly most: number;
}

/** The places that a caller's streams of a method have between them; undefined when no rule gives any. */
export function placesFor(policy: Policy, identity: Identity, method: string, nowMs: number): Places | undefined {
  const rules: string[] = [];
  let most = 0;
  for (const { rule, entries } of grantsFor(policy, identity, method)) {
    const open = entries.filter((entry) => judgeEntry(entry, rule.shadow, method, undefined, nowMs) === 'allow');
    if (open.length === 0) continue;
    rules.push(rule.name);
    // Streams are counted by rule, whichever of its entries let them in.
    most += Math.max(...open.map(({ limits }) => limits.concurrentStreams ?? Number.POSITIVE_INFINITY));
  }
  return rules.length === 0 ? undefined : { rules, most };
}

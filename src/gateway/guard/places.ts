import { judgeEntry } from './decide.ts';
import { grantsFor } from './grants.ts';
import type { Identity } from './identity.ts';
import type { Policy } from './policy.ts';

/** Where a stream may find its place before anything is known of its request. */
export interface Places {
  /** The entries by which some request could be allowed: Entry.id. */
  readonly entries: readonly string[];
  /** Streams that these entries let the caller have at one time, all together; infinite where one of them has no limit. */
  readonly most: number;
}

/** The places that a caller's streams of a method have between them; undefined when no entry gives any. */
export function placesFor(policy: Policy, identity: Identity, method: string, nowMs: number): Places | undefined {
  const open = grantsFor(policy, identity, method).flatMap(({ rule, entries }) =>
    entries.filter((entry) => judgeEntry(entry, rule.shadow, method, undefined, nowMs) === 'allow'),
  );
  if (open.length === 0) return undefined;
  const most = open.reduce((sum, { limits }) => sum + (limits.concurrentStreams ?? Number.POSITIVE_INFINITY), 0);
  return { entries: open.map(({ id }) => id), most };
}

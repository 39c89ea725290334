import type { Clock } from '../../clock.ts';

let latest = 0n;

/**
 * A new epoch of sample indices and sequence numbers: milliseconds since 1970, never the same twice in a process, nor in
 * two that run one after the other.
 */
export function newEpoch(clock: Clock): bigint {
  const now = clock.wallNs() / 1_000_000n;
  latest = now > latest ? now : latest + 1n;
  return latest;
}

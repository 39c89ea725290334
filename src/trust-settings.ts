import { oneOf, text, whole } from './setting-values.ts';
import type { Setting } from './settings.ts';

/** What an operator can set about who is believed. */
export interface TrustConfig {
  /** Files of revocation lists; none means crl.pem in `certs`, if it is there. */
  readonly crl: readonly string[];
  /** What a revocation list past its nextUpdate means. */
  readonly crlStale: StaleLists;
  /** Days that every certificate in use must have left at the start. */
  readonly minDays: number;
}

const STALE_LISTS = ['refuse', 'warn'] as const;
/** `refuse` the certificates of its issuer, or `warn` in the log and go on. */
export type StaleLists = (typeof STALE_LISTS)[number];

/** Settings of every program that has peers. */
export const TRUST_SETTINGS: readonly Setting[] = [
  {
    key: 'crl',
    name: 'crl',
    argument: 'file',
    help: 'revocation lists, PEM or DER, repeatable (default: crl.pem in the certs folder, if it is there)',
    programs: ['up', 'gateway', 'backend'],
    repeatable: true,
    byDefault: undefined,
    parse: text,
  },
  {
    key: 'crlStale',
    name: 'crl-stale',
    argument: 'choice',
    help: 'what a revocation list past its next update means: refuse the certificates of its issuer, or warn',
    programs: ['up', 'gateway', 'backend'],
    byDefault: 'refuse',
    parse: oneOf(STALE_LISTS),
  },
  // Ten years: a CA that lives so long is meant, and a larger number is a mistake.
  {
    key: 'minDays',
    name: 'min-days',
    argument: 'days',
    help: 'days that every certificate in use must have left for the program to start',
    programs: ['up', 'gateway', 'backend'],
    byDefault: '0',
    parse: whole(0, 3650, 'days'),
  },
];

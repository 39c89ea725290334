import { many, one, oneOf, optional, seconds, text, whole } from './setting-values.ts';
import type { SettingsOf } from './settings.ts';

/** What an operator can set about who is believed. */
export interface TrustConfig {
  /** Files of revocation lists; none means crl.pem in `certs`, if it is there. */
  readonly crl: readonly string[];
  /** What a revocation list past its nextUpdate means. */
  readonly crlStale: StaleLists;
  /** Days that every certificate in use must have left at the start. */
  readonly minDays: number;
  /** Whether OCSP responders are asked about client certificates, and what no answer means. */
  readonly ocsp: (typeof OCSP_MODES)[number];
  /** The responder; undefined means the one that the certificate names. */
  readonly ocspUrl: string | undefined;
  readonly ocspTimeoutMs: number;
}

const STALE_LISTS = ['refuse', 'warn'] as const;
/** `refuse` the certificates of its issuer, or `warn` in the log and go on. */
export type StaleLists = (typeof STALE_LISTS)[number];

const OCSP_MODES = ['off', 'prefer', 'require'] as const;

/** Settings of every program that has peers. */
export const TRUST_SETTINGS: SettingsOf<TrustConfig> = {
  crl: {
    name: 'crl',
    argument: 'file',
    help: 'revocation lists, PEM or DER, repeatable (default: crl.pem in the certs folder, if it is there)',
    programs: ['up', 'gateway', 'backend'],
    repeatable: true,
    byDefault: undefined,
    read: many(text),
  },
  crlStale: {
    name: 'crl-stale',
    argument: 'choice',
    help: 'what a revocation list past its next update means: refuse the certificates of its issuer, or warn',
    programs: ['up', 'gateway', 'backend'],
    byDefault: 'refuse',
    read: one(oneOf(STALE_LISTS)),
  },
  // Ten years: a CA that lives so long is meant, and a larger number is a mistake.
  minDays: {
    name: 'min-days',
    argument: 'days',
    help: 'days that every certificate in use must have left for the program to start',
    programs: ['up', 'gateway', 'backend'],
    byDefault: '0',
    read: one(whole(0, 3650, 'days')),
  },
  ocsp: {
    name: 'ocsp',
    argument: 'mode',
    help: 'ask OCSP about client certificates: off, prefer (no answer lets pass), require (no answer refuses)',
    programs: ['up', 'gateway', 'backend'],
    byDefault: 'off',
    read: one(oneOf(OCSP_MODES)),
  },
  ocspUrl: {
    name: 'ocsp-url',
    argument: 'url',
    help: 'OCSP responder, http only (default: the one that the certificate names)',
    programs: ['up', 'gateway', 'backend'],
    byDefault: undefined,
    read: optional(httpUrl),
  },
  // A caller waits so long for its first answer at the most; a responder nearby takes some milliseconds.
  ocspTimeoutMs: {
    name: 'ocsp-timeout',
    argument: 'seconds',
    help: 'time that an OCSP responder has for an answer',
    programs: ['up', 'gateway', 'backend'],
    byDefault: '2',
    read: one(seconds(0.05, 30)),
  },
};

function httpUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') {
    throw new RangeError('must be an http:// URL; OCSP answers are signed and need no TLS');
  }
  return url.href;
}

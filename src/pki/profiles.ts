import { isIP } from 'node:net';
import { UsageError } from '../errors.ts';
import type { LeafNames, Purpose } from './extensions.ts';
import { SUBJECT_OIDS, type SubjectAttribute } from './subject.ts';

/** What leaves are for: a side of a connection, and the name of their file unless told. */
export const PROFILES = {
  /** The gateway's HTTPS side. */
  server: { purpose: 'server', fileName: 'server' },
  /** Whoever calls the gateway. */
  client: { purpose: 'client', fileName: undefined },
  /** The gateway as a client of the backend. */
  gateway: { purpose: 'client', fileName: 'gateway' },
  /** The backend's gRPC side. */
  backend: { purpose: 'server', fileName: 'backend' },
} as const satisfies Readonly<Record<string, { readonly purpose: Purpose; readonly fileName: string | undefined }>>;

/** Name of a profile. */
export type Profile = keyof typeof PROFILES;

/**
 * Days that a leaf is good for unless told: browsers refuse server certificates of more than 398, and a day is left for
 * clock skew and the hour that validity begins before now.
 */
export const LEAF_DAYS = 397;

/** Days that a CA is good for unless told: ten years. */
export const CA_DAYS = 3653;

/** Days that anything may be asked for: fifty years; more is a slip of the hand. */
export const MAX_DAYS = 18_263;

/** Who a leaf is for. */
export interface LeafSubject extends LeafNames {
  readonly cn: string;
  readonly o?: readonly string[];
  readonly ou?: readonly string[];
}

/** Characters of a CN, O or OU (RFC 5280 appendix A.1, ub-common-name and the like). */
const MAX_NAME_CHARACTERS = 64;

/** Letters, digits, `.`, `_`, `-`: a name of a file in any system, and no path. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Files of these names belong to CAs. */
const RESERVED = ['ca', 'issuing', 'crl', 'index'];

const DNS_NAME =
  /^(?=.{1,253}$)(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;
const EMAIL = /^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$/;

/**
 * Base name of a leaf's files: as given, else the profile's, else the CN.
 *
 * @throws UsageError when it cannot be one.
 */
export function proveFileName(given: string | undefined, profile: Profile, cn: string): string {
  const name = given ?? PROFILES[profile].fileName ?? cn;
  if (!FILE_NAME.test(name)) {
    const what = given === undefined ? `the CN ${JSON.stringify(cn)} is no name for a file` : `--name ${given}`;
    throw new UsageError(`${what}: give one of letters, digits, ".", "_" and "-" with --name`);
  }
  if (RESERVED.includes(name.toLowerCase())) throw new UsageError(`--name ${name}: that is the CA's; choose another`);
  return name;
}

/**
 * The subject of a leaf, once its parts and its alternative names are proven to be usable.
 *
 * @throws UsageError naming the flag and the remedy.
 */
export function proveSubject({ cn, o = [], ou = [], ...names }: LeafSubject): readonly SubjectAttribute[] {
  const attributes = [
    ...o.map((value) => ({ flag: '--o', type: SUBJECT_OIDS.O, value })),
    ...ou.map((value) => ({ flag: '--ou', type: SUBJECT_OIDS.OU, value })),
    { flag: '--cn', type: SUBJECT_OIDS.CN, value: cn },
  ];
  for (const { flag, value } of attributes) proveText(flag, value);
  proveAltNames(names);
  return attributes.map(({ type, value }) => ({ type, value }));
}

/**
 * Proves alternative names.
 *
 * @throws UsageError naming the flag and the remedy.
 */
export function proveAltNames({ dns = [], ips = [], uris = [], emails = [] }: LeafNames): void {
  const demand = (flag: string, values: readonly string[], good: (value: string) => boolean, wanted: string): void => {
    for (const value of values) {
      if (!good(value)) throw new UsageError(`${flag} ${JSON.stringify(value)}: give ${wanted}`);
    }
  };
  demand('--dns', dns, (value) => DNS_NAME.test(value) && isIP(value) === 0, 'a host name, or *.and.a.domain');
  demand('--ip', ips, (value) => isIP(value) !== 0 && !value.includes('%'), 'an IPv4 or IPv6 address');
  const isUri = (value: string): boolean =>
    /^[!-~]+$/.test(value) && /^[a-z][a-z0-9+.-]*:./i.test(value) && URL.canParse(value);
  demand('--uri', uris, isUri, 'a URI with its scheme, such as spiffe://ran.example/du/1');
  demand('--email', emails, (value) => EMAIL.test(value), 'an address such as noc@ran.example');
}

/** Characters of an address in a certificate: every handshake carries it. */
const MAX_URL_CHARACTERS = 512;

/**
 * Proves addresses of revocation lists.
 *
 * @throws UsageError naming the flag and the remedy.
 */
export function proveCrlUrls(urls: readonly string[]): void {
  for (const url of urls) {
    if (!/^https?:\/\/[!-~]+$/i.test(url) || !URL.canParse(url) || url.length > MAX_URL_CHARACTERS) {
      throw new UsageError(`--crl-url ${JSON.stringify(url)}: give an address such as http://pki.example/crl.der`);
    }
  }
}

/**
 * Proves that a certificate for a server has a name by which clients can know it: they do not look at the CN
 * (RFC 9525 section 2).
 *
 * @throws UsageError with the remedy.
 */
export function proveServerNames(profile: Profile, { dns = [], ips = [] }: LeafNames): void {
  if (PROFILES[profile].purpose === 'server' && dns.length + ips.length === 0) {
    throw new UsageError(`a certificate for a ${profile} needs the names that clients call it by: --dns, --ip`);
  }
}

function proveText(flag: string, value: string): void {
  if (value === '' || [...value].length > MAX_NAME_CHARACTERS) {
    throw new UsageError(`${flag} ${JSON.stringify(value)}: give 1 to ${MAX_NAME_CHARACTERS} characters`);
  }
  if (/\p{Cc}|\p{Cs}/u.test(value) || value.trim() !== value) {
    throw new UsageError(
      `${flag} ${JSON.stringify(value)}: control characters, and spaces at the ends, are not allowed`,
    );
  }
}

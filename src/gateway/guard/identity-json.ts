import { PassbandError } from '../../errors.ts';
import { LatestUsed } from '../../latest-used.ts';
import { nameFault, printableAscii } from './certificate-text.ts';
import type { Identity } from './identity.ts';

/** Bytes of an identity on its way from gateway to backend: half of the 8 KiB that HTTP/2 peers take as all headers. */
export const MAX_IDENTITY_BYTES = 4096;

const LISTS = {
  organizations: (text: string) => nameFault(text) === undefined,
  organizationalUnits: (text: string) => nameFault(text) === undefined,
  dns: printableAscii,
  uris: printableAscii,
  emails: printableAscii,
} as const;

const KEYS = ['cn', ...Object.keys(LISTS), 'sha256', 'serial', 'issuer', 'notBeforeMs', 'notAfterMs'];

/**
 * The identity as JSON for a metadata header: printable ASCII only, at most 4 KiB, its members in a fixed order.
 *
 * @throws PassbandError PERMISSION_DENIED when the certificate has more names than fit.
 */
export function identityToJson(identity: Identity): string {
  const plain = JSON.stringify(identity, KEYS);
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const text = plain.replace(/[^\x20-\x7e]/g, escaped);
  if (text.length > MAX_IDENTITY_BYTES) {
    throw new PassbandError(
      'PERMISSION_DENIED',
      `the client certificate has names of more than ${MAX_IDENTITY_BYTES} bytes`,
    );
  }
  return text;
}

/** Identities whose reading is kept, the latest used: a few KiB each, and as many as a fleet has callers. */
const MAX_READ_KEPT = 1024;

/**
 * What texts said. A pure function's memory: a delegate says the same few on every call, and what a policy comes to for
 * an identity is kept as long as the identity is the same object.
 */
const kept = new LatestUsed<string, Identity>(MAX_READ_KEPT);

/**
 * The identity that identityToJson wrote, held to every promise of Identity. Whether its sender may be believed at all is
 * for isDelegate to say.
 *
 * @throws PassbandError UNAUTHENTICATED for anything that identityToJson would not have written so.
 */
export function identityFromJson(text: string): Identity {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const identity = read(text);
  kept.set(text, identity);
  return identity;
}

function read(text: string): Identity {
  try {
    if (text.length > MAX_IDENTITY_BYTES) throw new TypeError('too long');
    const parsed: unknown = JSON.parse(text);
    if (!isIdentity(parsed)) throw new TypeError('not an identity');
    // Written anew it must be the same text: this refuses members given twice, unknown members and any other spelling.
    if (identityToJson(parsed) !== text) throw new TypeError('not in canonical form');
    for (const part of Object.values(parsed)) Object.freeze(part);
    return Object.freeze(parsed);
  } catch (error) {
    throw new PassbandError('UNAUTHENTICATED', 'the forwarded identity is malformed', { cause: error });
  }
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  const matches = (key: string, form: RegExp): boolean => {
    const member = members.get(key);
    return typeof member === 'string' && form.test(member);
  };
  const cn = members.get('cn');
  return (
    typeof cn === 'string' &&
    nameFault(cn) === undefined &&
    Object.entries(LISTS).every(([key, check]) => isListOf(members.get(key), check)) &&
    matches('sha256', /^[0-9a-f]{64}$/) &&
    matches('serial', /^[0-9a-f]+$/) &&
    matches('issuer', /^\P{Cc}*$/u) &&
    Number.isSafeInteger(members.get('notBeforeMs')) &&
    Number.isSafeInteger(members.get('notAfterMs'))
  );
}

function isListOf(value: unknown, check: (text: string) => boolean): boolean {
  return Array.isArray(value) && value.every((item: unknown) => typeof item === 'string' && check(item));
}

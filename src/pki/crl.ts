import { createHash } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import { DER_TAGS, type DerElement, elementsOf, hex, integerHex, readElement, timeMs } from './der.ts';

/** One certificate on a revocation list. */
export interface RevokedCertificate {
  /** CRLReason (RFC 5280 section 5.3.1); 0 is "unspecified". A certificate on hold (6) is revoked like all others. */
  readonly reason: number;
  readonly atMs: number;
}

/** A revocation list as it says of itself; its signature is not verified yet. */
export interface ParsedCrl {
  /** SHA-256 of the whole list, hexadecimal. */
  readonly sha256: string;
  /** DER of the issuer's name, hexadecimal. */
  readonly issuerDer: string;
  readonly number: bigint | undefined;
  readonly thisUpdateMs: number;
  /** Undefined where the list does not say: such a list never goes stale. */
  readonly nextUpdateMs: number | undefined;
  /** By serial number, lower-case hexadecimal without leading zeros. */
  readonly revoked: ReadonlyMap<string, RevokedCertificate>;
  /** What the signature is over, by which algorithm (DER), and the signature. */
  readonly signed: { readonly data: Uint8Array; readonly algorithmDer: Uint8Array; readonly signature: Uint8Array };
}

/** A list of which all is read but whom it revokes: that may be much work, and its signature can be looked at before. */
export interface UnreadCrl extends Omit<ParsedCrl, 'revoked'> {
  readonly readRevoked: () => Promise<ParsedCrl['revoked']>;
}

/** Certificates that one list may revoke. 16 MiB of list, which is all that is read, hold about as many. */
export const MAX_REVOKED_CERTIFICATES = 500_000;

/**
 * Milliseconds of reading entries before others have a turn. Every turn costs a revocation the time that others take, so
 * lists of some thousand entries are read in one.
 */
const TURN_MS = 20;
/** Entries between two looks at the clock. */
const ENTRIES_PER_LOOK = 256;

/** Object identifiers of extensions, the content of their DER in hexadecimal (all are 2.5.29.n). */
const OIDS = {
  crlNumber: '551d14',
  reasonCode: '551d15',
  deltaCrlIndicator: '551d1b',
  issuingDistributionPoint: '551d1c',
  certificateIssuer: '551d1d',
  authorityKeyIdentifier: '551d23',
  invalidityDate: '551d18',
} as const;

const REMOVE_FROM_CRL = 8;

/**
 * Reads one revocation list (RFC 5280 section 5): a full one, of one issuer, for all of its certificates and reasons.
 *
 * @param der the list and nothing behind it.
 * @throws Error whose message says what is wrong, to be put behind the name of the file; so does `readRevoked`.
 */
export function openCrl(der: Uint8Array): UnreadCrl {
  const outer = expect(readElement(der, 0, der.length), DER_TAGS.sequence);
  if (outer.end !== der.length) throw new Error('has bytes behind the list');
  const [list, algorithm, signature, more] = elementsOf(der, outer);
  const tbs = expect(list, DER_TAGS.sequence);
  expect(algorithm, DER_TAGS.sequence);
  if (more !== undefined) throw new Error('has bytes behind the list');

  const fields = new Fields(der, tbs);
  fields.optional(DER_TAGS.integer);
  const inner = fields.required(DER_TAGS.sequence);
  const algorithmDer = bytesOf(der, algorithm);
  if (!Buffer.from(algorithmDer).equals(bytesOf(der, inner))) throw new Error('names two signature algorithms');
  const issuer = fields.required(DER_TAGS.sequence);
  const thisUpdateMs = timeMs(der, fields.required(DER_TAGS.utcTime, DER_TAGS.generalizedTime));
  const nextUpdate = fields.optional(DER_TAGS.utcTime, DER_TAGS.generalizedTime);
  const nextUpdateMs = nextUpdate === undefined ? undefined : timeMs(der, nextUpdate);
  const entries = fields.optional(DER_TAGS.sequence);
  const wrapped = fields.optional(DER_TAGS.explicit0);
  fields.end();

  const number = listNumber(der, wrapped);
  return {
    sha256: createHash('sha256').update(der).digest('hex'),
    issuerDer: hex(der, issuer.start, issuer.end),
    number,
    thisUpdateMs,
    nextUpdateMs,
    readRevoked: () => readEntries(der, entries),
    signed: { data: bytesOf(der, tbs), algorithmDer, signature: bitString(der, signature) },
  };
}

/** What the list's extensions say: its number; anything that makes it less than a full list is refused. */
function listNumber(der: Uint8Array, wrapped: DerElement | undefined): bigint | undefined {
  if (wrapped === undefined) return undefined;
  const [extensions] = elementsOf(der, wrapped);
  let number: bigint | undefined;
  for (const { oid, critical, value } of readExtensions(der, extensions)) {
    if (oid === OIDS.deltaCrlIndicator) throw new Error('is a delta list; put the full list there');
    if (oid === OIDS.issuingDistributionPoint) refuseScope(der, value);
    else if (oid === OIDS.crlNumber) number = BigInt(`0x${integerHex(der, expect(value, DER_TAGS.integer))}`);
    else if (critical && oid !== OIDS.authorityKeyIdentifier) {
      throw new Error('has a critical extension that is not known here; ask the CA for a list without it');
    }
  }
  return number;
}

/** Every scope that an issuing distribution point can name makes the list speak for less, or more, than its issuer. */
function refuseScope(der: Uint8Array, point: DerElement): void {
  for (const { tag } of elementsOf(der, expect(point, DER_TAGS.sequence))) {
    const scope =
      ['of one distribution point', 'of user certificates', 'of CA certificates', 'of some reasons'][tag & 0x1f] ??
      ((tag & 0x1f) === 4 ? 'of several issuers (indirect)' : 'of attribute certificates');
    throw new Error(`is a list ${scope} only; put the issuer's full list there`);
  }
}

async function readEntries(der: Uint8Array, entries: DerElement | undefined): Promise<Map<string, RevokedCertificate>> {
  const revoked = new Map<string, RevokedCertificate>();
  if (entries === undefined) return revoked;
  let read = 0;
  let turnEndsMs = performance.now() + TURN_MS;
  for (const entry of elementsOf(der, entries)) {
    read += 1;
    if (read > MAX_REVOKED_CERTIFICATES) throw new Error(`revokes more than ${MAX_REVOKED_CERTIFICATES} certificates`);
    if (read % ENTRIES_PER_LOOK === 0 && performance.now() > turnEndsMs) {
      await breathe();
      turnEndsMs = performance.now() + TURN_MS;
    }
    const fields = new Fields(der, expect(entry, DER_TAGS.sequence));
    const serial = integerHex(der, fields.required(DER_TAGS.integer));
    const atMs = timeMs(der, fields.required(DER_TAGS.utcTime, DER_TAGS.generalizedTime));
    const extensions = fields.optional(DER_TAGS.sequence);
    fields.end();
    revoked.set(serial, { reason: entryReason(der, extensions), atMs });
  }
  return revoked;
}

function entryReason(der: Uint8Array, extensions: DerElement | undefined): number {
  if (extensions === undefined) return 0;
  let reason = 0;
  for (const { oid, critical, value } of readExtensions(der, extensions)) {
    if (oid === OIDS.certificateIssuer)
      throw new Error('is an indirect list, of several issuers; put one list of each there');
    if (oid === OIDS.reasonCode) reason = der[expect(value, DER_TAGS.enumerated).content] ?? 0;
    else if (critical && oid !== OIDS.invalidityDate) {
      throw new Error(
        'has an entry with a critical extension that is not known here; ask the CA for a list without it',
      );
    }
  }
  if (reason === REMOVE_FROM_CRL) throw new Error('takes certificates off a list, as only a delta list may');
  return reason;
}

interface ReadExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: DerElement;
}

function readExtensions(der: Uint8Array, extensions: DerElement | undefined): ReadExtension[] {
  const read: ReadExtension[] = [];
  for (const extension of elementsOf(der, expect(extensions, DER_TAGS.sequence))) {
    const fields = new Fields(der, expect(extension, DER_TAGS.sequence));
    const id = fields.required(DER_TAGS.oid);
    const critical = fields.optional(DER_TAGS.boolean);
    const octets = fields.required(DER_TAGS.octetString);
    fields.end();
    const oid = hex(der, id.content, id.end);
    if (read.some((other) => other.oid === oid)) throw new Error('has an extension twice');
    const value = readElement(der, octets.content, octets.end);
    if (value.end !== octets.end) throw new Error('has an extension that cannot be read');
    read.push({ oid, critical: critical !== undefined && der[critical.content] !== 0, value });
  }
  return read;
}

/** The elements of a SEQUENCE one after the other, each of the type that is due. */
class Fields {
  readonly #der: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(der: Uint8Array, outer: DerElement) {
    this.#der = der;
    this.#at = outer.content;
    this.#end = outer.end;
  }

  optional(...tags: readonly number[]): DerElement | undefined {
    if (this.#at === this.#end) return undefined;
    const element = readElement(this.#der, this.#at, this.#end);
    if (!tags.includes(element.tag)) return undefined;
    this.#at = element.end;
    return element;
  }

  required(...tags: readonly number[]): DerElement {
    const element = this.optional(...tags);
    if (element === undefined) throw new Error('is no revocation list that can be read');
    return element;
  }

  end(): void {
    if (this.#at !== this.#end) throw new Error('is no revocation list that can be read');
  }
}

function expect(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag !== tag) throw new Error('is no revocation list that can be read');
  return element;
}

function bytesOf(der: Uint8Array, element: DerElement | undefined): Uint8Array {
  return element === undefined ? new Uint8Array() : der.subarray(element.start, element.end);
}

/** The bytes of a BIT STRING, whose first octet says how many bits of the last are unused: none in a signature. */
function bitString(der: Uint8Array, element: DerElement | undefined): Uint8Array {
  const { content, end } = expect(element, DER_TAGS.bitString);
  if (der[content] !== 0) throw new Error('has no signature that can be read');
  return der.subarray(content + 1, end);
}

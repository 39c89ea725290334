import type { X509Certificate } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { certificateFacts, plainName, plainSerial } from './certificate-facts.ts';
import { type Authority, inCaFolder, openAuthorities, readBundle, signerAmong } from './folder.ts';
import { appendEntry, certificateKey, type Ledger, readLedger } from './journal.ts';
import { adoptRevocations, replaceLists, type WrittenLists } from './lists.ts';
import type { RevocationReason } from './revocation.ts';

/** What revokeIn did. */
export interface RevokedNow extends WrittenLists {
  readonly serial: string;
  /** Since when and why it was revoked before, if it was. */
  readonly before: { readonly at: string; readonly reason: RevocationReason } | undefined;
}

/** Which certificate: by itself, or by its serial number alone. */
export interface RevocationTarget {
  readonly serial: string;
  readonly certificate?: X509Certificate;
  /** Whether a serial number may be revoked that is not in the index. */
  readonly unknownAllowed?: boolean;
}

/**
 * Revokes a certificate, or with removeFromCRL takes one off hold, and writes crl.pem anew at once.
 *
 * @throws UsageError when it is not known, not of this CA, or the CA's key is not here.
 */
export async function revokeIn(
  dir: string,
  target: RevocationTarget,
  reason: RevocationReason,
  days?: number,
): Promise<RevokedNow> {
  return await inCaFolder(dir, async () => {
    const authorities = await openAuthorities(dir);
    await adoptRevocations(dir, authorities);
    const ledger = await readLedger(dir);
    const serial = plainSerial(target.serial);
    const authority = signerOf(target, serial, authorities, ledger, await readBundle(dir));
    const before = ledger.revoked.get(certificateKey(authority, serial));
    proveTransition(serial, before?.reason, reason);
    // Who is revoked twice was revoked the first time; only a hold becomes final.
    if (before === undefined || before.reason === 'certificateHold') {
      const at = new Date().toISOString();
      await appendEntry(dir, { event: 'revoked', at, serial, authority, reason });
    }
    return { serial, before, ...(await replaceLists(dir, authorities, days)) };
  });
}

function proveTransition(serial: string, before: RevocationReason | undefined, reason: RevocationReason): void {
  if (reason === 'removeFromCRL' && before !== 'certificateHold') {
    const state = before === undefined ? 'is not revoked' : `is revoked for good (${before})`;
    throw new UsageError(`${serial} ${state}; only a certificate on hold (certificateHold) can be taken off the list`);
  }
}

/**
 * Identifier of the key of whoever signed the certificate.
 *
 * @throws UsageError when that is nobody, or nobody whose key is here.
 */
function signerOf(
  { certificate, unknownAllowed = false }: RevocationTarget,
  serial: string,
  authorities: readonly Authority[],
  ledger: Ledger,
  bundle: readonly X509Certificate[],
): string {
  const hasKey = (keyId: string): boolean =>
    authorities.some((authority) => certificateFacts(authority.certificate).keyId === keyId);
  let keyId: string | undefined;
  if (certificate !== undefined) {
    const signer = signerAmong(bundle, certificate);
    if (signer === undefined) {
      const issuer = plainName(certificate.issuer);
      throw new UsageError(`no CA of ca.crt has signed this certificate; its issuer is ${issuer}`);
    }
    keyId = certificateFacts(signer).keyId;
  } else {
    keyId = authorityOf(serial, ledger.issued) ?? (unknownAllowed ? authorityOf(serial, ledger.revoked) : undefined);
    if (unknownAllowed) keyId ??= authorities[0] && certificateFacts(authorities[0].certificate).keyId;
  }
  if (keyId === undefined) {
    throw new UsageError(
      `serial ${serial} is not in this folder's index; give the certificate's file, or, to revoke the number all the ` +
        'same, --not-in-index',
    );
  }
  const signer = bundle.find((ca) => certificateFacts(ca).keyId === keyId);
  if (signer !== undefined && certificateFacts(signer).isSelfIssued && certificateFacts(signer).serial === serial) {
    throw new UsageError('a root cannot be revoked by a list of its own; take it out of every ca.crt instead');
  }
  if (!hasKey(keyId)) {
    const name = signer === undefined ? 'a CA that is not in ca.crt any more' : plainName(signer.subject);
    throw new UsageError(`${name} has signed it, and its key is not here; revoke it where that key is`);
  }
  return keyId;
}

/** The one authority that has used a serial number, by the index. */
function authorityOf(serial: string, entries: Ledger['issued'] | Ledger['revoked']): string | undefined {
  const used = new Set<string>();
  for (const entry of entries.values()) if (entry.serial === serial) used.add(entry.authority);
  if (used.size > 1) {
    throw new UsageError(`several CAs of this folder have used serial ${serial}; give the certificate's file`);
  }
  return [...used][0];
}

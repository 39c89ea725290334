import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { exists } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { certificateFacts, plainName } from './certificate-facts.ts';
import { type RevocationList, readCrlFile, verifyCrl } from './crl-file.ts';
import { certificateKey, type Ledger } from './journal.ts';
import { REVOCATION_REASONS } from './revocation.ts';

/** What crl.pem and the index say of a path. All are sentences. */
export interface RevocationFindings {
  readonly faults: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Looks up every certificate of a path but its root in the list of whoever signed it, and whether that list is there,
 * signed and not out of date.
 *
 * @param path leaf first.
 */
export async function revocationFaults(
  dir: string,
  path: readonly X509Certificate[],
  ledger: Ledger,
  nowMs: number,
): Promise<RevocationFindings> {
  const file = join(dir, 'crl.pem');
  const [faults, notes]: [string[], string[]] = [[], []];
  const hasLists = await exists(file);
  const lists = hasLists ? await signedLists(file, path, nowMs, faults) : [];
  if (!hasLists) notes.push('there is no crl.pem: nothing is known to be revoked');
  for (const [index, certificate] of path.entries()) {
    const name = plainName(certificate.subject);
    const issuer = path[index + 1];
    const { serial } = certificateFacts(certificate);
    const list = issuer && lists.find(({ issuerKeyId }) => issuerKeyId === certificateFacts(issuer).keyId);
    const listed = list?.revoked.get(serial);
    const indexed = issuer && ledger.revoked.get(certificateKey(certificateFacts(issuer).keyId, serial));
    if (listed !== undefined) {
      faults.push(`${name} has been revoked (${reasonName(listed.reason)}, ${new Date(listed.atMs).toISOString()})`);
    } else if (indexed !== undefined) {
      faults.push(`${name} is revoked in the index and not in crl.pem; run: passband pki crl --certs ${dir}`);
    }
    if (issuer === undefined || !hasLists) continue;
    const issuerName = plainName(issuer.subject);
    if (list === undefined) faults.push(`crl.pem has no list of ${issuerName}`);
    else if (list.nextUpdateMs !== undefined && list.nextUpdateMs < nowMs) {
      const since = new Date(list.nextUpdateMs).toISOString();
      faults.push(`the list of ${issuerName} is out of date since ${since}; run: passband pki crl --certs ${dir}`);
    } else notes.push(`the list of ${issuerName} has ${list.revoked.size} revoked`);
  }
  return { faults: [...new Set(faults)], notes: [...new Set(notes)] };
}

async function signedLists(
  file: string,
  path: readonly X509Certificate[],
  nowMs: number,
  faults: string[],
): Promise<readonly RevocationList[]> {
  try {
    const lists = [];
    for (const list of await readCrlFile(file)) {
      const signed = await verifyCrl(list, file, path, nowMs);
      if (signed !== undefined) lists.push(signed);
    }
    return lists;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    faults.push(error.message);
    return [];
  }
}

/** Name of a reason by its number. */
export function reasonName(reason: number): string {
  return Object.entries(REVOCATION_REASONS).find(([, code]) => code === reason)?.[0] ?? `reason ${reason}`;
}

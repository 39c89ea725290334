import type { X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { certificateFacts } from './certificate-facts.ts';
import { requireCa, signerAmong } from './folder.ts';
import { certificateKey, INDEX_FILE, type Ledger, readLedger } from './journal.ts';
import { commonNames } from './subject.ts';
import { parseCertificates, readPem } from './tls-files.ts';

/** One certificate of a folder: of its index, or lying there unknown to it. */
export interface Listed {
  /** Lower-case hexadecimal. */
  readonly serial: string;
  readonly cn: string;
  /** Base name of its file. */
  readonly name: string;
  /** What it was issued as; '-' for what another tool has made. */
  readonly profile: string;
  /** ISO 8601, UTC. */
  readonly notAfter: string;
  readonly status: 'valid' | 'expired' | 'on hold' | 'revoked';
  /** Why it is revoked, if it is. */
  readonly reason?: string;
  readonly revokedAt?: string;
  /** Whether the index has it. */
  readonly known: boolean;
  /** Whether it is in the folder; not when it was renewed, or its file was taken elsewhere. */
  readonly present: boolean;
}

/**
 * Every certificate that the index of a folder has, and those that lie there and are not in it, in the order of notAfter.
 *
 * @throws UsageError when there is neither an index nor a CA, as in a folder whose name is mistyped.
 */
export async function listFolder(dir: string): Promise<readonly Listed[]> {
  const ledger = await readLedger(dir);
  const nowMs = Date.now();
  const files = await certificatesOf(dir);
  if (!(await exists(join(dir, INDEX_FILE)))) await requireCa(dir);
  const authorities = files.map(({ certificate }) => certificate);
  const keyed = files.map((file) => ({ ...file, key: keyOf(file.certificate, authorities) }));
  const present = new Set(keyed.map(({ key }) => key));
  const known = [...ledger.issued].map(([key, { serial, cn, name, profile, notAfter }]) => ({
    ...{ serial, cn, name, profile, notAfter },
    ...standing(ledger, key, notAfter, nowMs),
    known: true,
    present: present.has(key),
  }));
  const foreign = keyed
    .filter(({ key }) => !ledger.issued.has(key))
    .map(({ key, name, certificate }) => {
      const { serial } = certificateFacts(certificate);
      const notAfter = certificate.validToDate.toISOString();
      const cn = commonNames(certificate).join(' + ');
      const facts = { serial, cn, name, profile: '-', notAfter };
      return { ...facts, ...standing(ledger, key, notAfter, nowMs), known: false, present: true };
    });
  return [...known, ...foreign].sort((a, b) => (a.notAfter < b.notAfter ? -1 : 1));
}

/** Of one whose CA is not in the folder, nothing in the index speaks. */
function keyOf(certificate: X509Certificate, authorities: readonly X509Certificate[]): string {
  const signer = signerAmong(authorities, certificate);
  return certificateKey(signer ? certificateFacts(signer).keyId : '', certificateFacts(certificate).serial);
}

function standing(
  ledger: Ledger,
  key: string,
  notAfter: string,
  nowMs: number,
): Pick<Listed, 'status' | 'reason' | 'revokedAt'> {
  const revoked = ledger.revoked.get(key);
  if (revoked !== undefined) {
    const status = revoked.reason === 'certificateHold' ? 'on hold' : 'revoked';
    return { status, reason: revoked.reason, revokedAt: revoked.at };
  }
  return { status: Date.parse(notAfter) < nowMs ? 'expired' : 'valid' };
}

async function certificatesOf(
  dir: string,
): Promise<{ readonly name: string; readonly certificate: X509Certificate }[]> {
  const files = await readdir(dir).catch((error: unknown) => {
    throw new UsageError(`${dir} is no folder that can be read; name one with --certs`, { cause: error });
  });
  const found = [];
  for (const file of files.filter((name) => name.endsWith('.crt')).sort()) {
    const path = join(dir, file);
    const name = file.slice(0, -'.crt'.length);
    const certificates = parseCertificates(await readPem(path, false), path);
    // Behind a leaf are its CAs; ca.crt has CAs alone.
    for (const certificate of name === 'ca' ? certificates : certificates.slice(0, 1))
      found.push({ name, certificate });
  }
  return found;
}

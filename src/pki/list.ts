import type { X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { certificateFacts } from './certificate-facts.ts';
import { type Ledger, readLedger } from './journal.ts';
import { parseCertificates, readPem } from './store.ts';
import { commonNames } from './subject.ts';

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

/** Every certificate that the index of a folder has, and those that lie there and are not in it, in the order of notAfter. */
export async function listFolder(dir: string): Promise<readonly Listed[]> {
  const ledger = await readLedger(dir);
  const nowMs = Date.now();
  const files = await certificatesOf(dir);
  const present = new Set(files.map(({ certificate }) => certificateFacts(certificate).serial));
  const known = [...ledger.issued.values()].map(({ serial, cn, name, profile, notAfter }) => ({
    ...{ serial, cn, name, profile, notAfter },
    ...standing(ledger, serial, notAfter, nowMs),
    known: true,
    present: present.has(serial),
  }));
  const foreign = files
    .filter(({ certificate }) => !ledger.issued.has(certificateFacts(certificate).serial))
    .map(({ name, certificate }) => {
      const { serial } = certificateFacts(certificate);
      const notAfter = certificate.validToDate.toISOString();
      const cn = commonNames(certificate).join(' + ');
      const facts = { serial, cn, name, profile: '-', notAfter };
      return { ...facts, ...standing(ledger, serial, notAfter, nowMs), known: false, present: true };
    });
  return [...known, ...foreign].sort((a, b) => (a.notAfter < b.notAfter ? -1 : 1));
}

function standing(
  ledger: Ledger,
  serial: string,
  notAfter: string,
  nowMs: number,
): Pick<Listed, 'status' | 'reason' | 'revokedAt'> {
  const revoked = ledger.revoked.get(serial);
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

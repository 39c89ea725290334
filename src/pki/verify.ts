import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { exists } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { certificateFacts, plainName } from './certificate-facts.ts';
import { DAY_MS, readBundle, signerAmong } from './folder.ts';
import { certificateKey, readLedger } from './journal.ts';
import { pathOf } from './path-check.ts';
import { PROFILES, type Profile } from './profiles.ts';
import { revocationFaults } from './revocation-check.ts';
import { commonNames } from './subject.ts';
import { checkKey, parseCertificates, readPem } from './tls-files.ts';

/** What a certificate is to be good for; what is not given is not asked. */
export interface VerifyOrder {
  /** The side of a connection; that of its profile or its file's name unless told. */
  readonly side?: 'client' | 'server';
  /** A host name or address that clients call it by. */
  readonly host?: string;
  /** Fewer days left than this are a fault. */
  readonly minDays?: number;
}

/** What was found: nothing wrong when there are no faults. All are sentences. */
export interface Verdict {
  readonly certificate: X509Certificate;
  readonly faults: readonly string[];
  readonly notes: readonly string[];
}

const EKU = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const;
const EKU_NAMES = { client: 'clientAuth', server: 'serverAuth' } as const;

/** Sides by the names of files in a folder of Passband's. */
const SIDES: Readonly<Record<string, 'client' | 'server'>> = {
  server: 'server',
  backend: 'server',
  gateway: 'client',
  client: 'client',
  dashboard: 'client',
};

/**
 * Says everything that is wrong with a certificate as the programs and their peers would see it: chain to ca.crt, dates,
 * key, what it is for, names, revocation by crl.pem, days left.
 *
 * @throws UsageError when the file, or ca.crt, cannot be read at all.
 */
export async function verifyFile(dir: string, file: string, order: VerifyOrder = {}): Promise<Verdict> {
  const [leaf, ...sent] = parseCertificates(await readPem(file, false), file);
  const bundle = await readBundle(dir);
  const nowMs = Date.now();
  const [faults, notes]: [string[], string[]] = [[], []];

  const path = pathOf(leaf, sent, bundle);
  if (path.fault !== undefined) faults.push(path.fault);
  faults.push(...path.certificates.flatMap((one) => dateFaults(one, nowMs)));
  const daysLeft = Math.floor((leaf.validToDate.getTime() - nowMs) / DAY_MS);
  if (order.minDays !== undefined && daysLeft >= 0 && daysLeft < order.minDays) {
    faults.push(`it has ${daysLeft} days left, fewer than the ${order.minDays} asked for`);
  }
  notes.push(`${Math.max(daysLeft, 0)} days left (notAfter ${leaf.validToDate.toISOString()})`);

  const key = await keyFault(file, leaf);
  if (key === undefined) notes.push('its key is beside it, is its own, and its owner alone can read it');
  else (key.isFault ? faults : notes).push(key.says);

  const ledger = await readLedger(dir);
  const signer = signerAmong([...bundle, ...sent], leaf);
  const entry =
    signer && ledger.issued.get(certificateKey(certificateFacts(signer).keyId, certificateFacts(leaf).serial));
  const side = order.side ?? sideOf(file, entry?.profile);
  if (!certificateFacts(leaf).signsCertificates) faults.push(...sideFaults(leaf, side, order.host));
  if (entry === undefined) notes.push("unknown to this CA's index: another tool made it");

  const revocation = await revocationFaults(dir, path.certificates, ledger, nowMs);
  faults.push(...revocation.faults);
  notes.push(...revocation.notes);
  return { certificate: leaf, faults, notes };
}

function dateFaults(certificate: X509Certificate, nowMs: number): string[] {
  const name = plainName(certificate.subject);
  const { notBeforeMs, notAfterMs } = certificateFacts(certificate);
  if (nowMs > notAfterMs) return [`${name} has expired (notAfter ${certificate.validToDate.toISOString()})`];
  if (nowMs < notBeforeMs) {
    return [`${name} is not valid yet (notBefore ${certificate.validFromDate.toISOString()}); is this clock right?`];
  }
  return [];
}

async function keyFault(
  file: string,
  leaf: X509Certificate,
): Promise<{ readonly isFault: boolean; readonly says: string } | undefined> {
  const keyFile = file.replace(/\.[^./\\]*$/, '.key');
  if (keyFile === file || !(await exists(keyFile))) return { isFault: false, says: 'no key is beside it' };
  try {
    checkKey(await readPem(keyFile, true), keyFile, leaf, file);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return { isFault: true, says: error.message };
    throw error;
  }
}

function sideOf(file: string, profile: string | undefined): 'client' | 'server' | undefined {
  const isProfile = (name: string | undefined): name is Profile => name !== undefined && Object.hasOwn(PROFILES, name);
  if (isProfile(profile)) return PROFILES[profile].purpose;
  return SIDES[basename(file).replace(/\.[^.]*$/, '')];
}

function sideFaults(leaf: X509Certificate, side: 'client' | 'server' | undefined, host: string | undefined): string[] {
  const faults: string[] = [];
  const { keyUsage: usages } = leaf;
  // Absent, a certificate is good for every purpose.
  if (usages !== undefined) {
    if (side === undefined && !usages.includes(EKU.client) && !usages.includes(EKU.server)) {
      faults.push('its extended key usage has neither clientAuth nor serverAuth, so that no TLS peer takes it');
    } else if (side !== undefined && !usages.includes(EKU[side])) {
      faults.push(`its extended key usage lacks ${EKU_NAMES[side]}, so that nobody takes it from a ${side}`);
    }
  }
  if (side === 'server' && !/\b(DNS|IP Address):/.test(leaf.subjectAltName ?? '')) {
    faults.push('it has no DNS name or IP address as subject alternative name, and clients look at no other name');
  }
  const names = commonNames(leaf);
  if (side === 'client' && names.length !== 1) {
    faults.push(`its subject has ${names.length === 0 ? 'no CN' : `${names.length} CNs`}, and a client must have one`);
  }
  if (host !== undefined) {
    const matches = isIP(host) === 0 ? leaf.checkHost(host, { subject: 'never' }) : leaf.checkIP(host);
    if (matches === undefined) faults.push(`it is not for ${host}; its names are ${leaf.subjectAltName ?? 'none'}`);
  }
  return faults;
}

/** The file that a name or a path stands for: as it is, or NAME.crt of the folder; undefined where there is neither. */
export async function certificateFile(dir: string, text: string): Promise<string | undefined> {
  const candidates = dirname(text) === '.' ? [join(dir, `${text}.crt`), resolve(text), join(dir, text)] : [text];
  for (const file of candidates) if (await exists(file)) return file;
  return undefined;
}

import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { exists } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { type CertificateBody, issueLeaf, signCertificate } from './authority.ts';
import { type Authority, DAY_MS, inCaFolder, openSigner, recordIssued, validityOf } from './folder.ts';
import type { KeyAlgorithm } from './keys.ts';
import { writePair } from './pair-files.ts';
import {
  LEAF_DAYS,
  type LeafSubject,
  PROFILES,
  type Profile,
  proveCrlUrls,
  proveFileName,
  proveServerNames,
  proveSubject,
} from './profiles.ts';

/** A leaf to be issued with a new key. */
export interface IssueOrder extends LeafSubject {
  readonly profile: Profile;
  /** Base name of its files; the profile's or the CN unless told. */
  readonly name?: string;
  /** p256 unless told. */
  readonly algorithm?: KeyAlgorithm;
  /** 397 unless told, and never beyond the CA's end. */
  readonly days?: number;
  /** Addresses of the revocation list, http: or https:, for peers that look them up; none unless told. */
  readonly crlUrls?: readonly string[];
}

/** A leaf that was made. */
export interface Issued {
  readonly name: string;
  readonly certificate: X509Certificate;
  readonly certFile: string;
  /** Undefined where the key is somebody else's. */
  readonly keyFile: string | undefined;
}

/**
 * Issues a leaf into a folder, as NAME.crt and NAME.key. The index has it before anybody can.
 *
 * @throws UsageError when the order cannot be carried out as it is, or a file of the name is there.
 */
export async function issueInto(dir: string, order: IssueOrder): Promise<Issued> {
  const { profile, algorithm = 'p256', days, crlUrls = [] } = order;
  const subject = proveSubject(order);
  proveServerNames(profile, order);
  proveCrlUrls(crlUrls);
  const name = proveFileName(order.name, profile, order.cn);
  return await inCaFolder(dir, async () => {
    await refuseExisting(dir, name, ['crt', 'key']);
    const signer = await openSigner(dir);
    const { purpose } = PROFILES[profile];
    const { dns = [], ips = [], uris = [], emails = [] } = order;
    const validity = leafValidity(signer, days);
    const pair = await issueLeaf(signer, { subject, purpose, validity, algorithm, dns, ips, uris, emails, crlUrls });
    const certificate = await recordIssued(dir, pair.certPem, { name, profile, issuer: signer.certificate });
    await writePair(dir, name, { certPem: pair.certPem + signer.chainPem, keyPem: pair.keyPem }, 'issued');
    return { name, certificate, certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) };
  });
}

/** A certificate to be made for a key that is elsewhere, or there already. */
export interface SigningOrder {
  readonly name: string;
  readonly profile: string;
  readonly days: number | undefined;
  readonly body: Omit<CertificateBody, 'notBefore' | 'notAfter'>;
}

/** Signs a certificate for a given key into a folder, as NAME.crt. Call it in the folder. */
export async function signInto(dir: string, signer: Authority, order: SigningOrder): Promise<Issued> {
  const { name, profile, days, body } = order;
  await refuseExisting(dir, name, ['crt']);
  const certPem = await signCertificate(signer, '', { ...body, ...leafValidity(signer, days) });
  const certificate = await recordIssued(dir, certPem, { name, profile, issuer: signer.certificate });
  await writePair(dir, name, { certPem: certPem + signer.chainPem }, 'issued');
  return { name, certificate, certFile: join(dir, `${name}.crt`), keyFile: undefined };
}

/**
 * From now for the days asked for, or for those unless told but not beyond the CA.
 *
 * @throws UsageError when the days asked for are beyond the CA.
 */
export function leafValidity(
  signer: Authority,
  days: number | undefined,
  unlessTold = LEAF_DAYS,
): ReturnType<typeof validityOf> {
  const end = signer.certificate.validToDate.getTime();
  if (days !== undefined && Date.now() + days * DAY_MS > end) {
    const left = Math.floor((end - Date.now()) / DAY_MS);
    throw new UsageError(`--days ${days}: the CA itself has ${left} left, and nothing that it signs outlives it`);
  }
  return validityOf(days ?? unlessTold, end);
}

async function refuseExisting(dir: string, name: string, ends: readonly string[]): Promise<void> {
  for (const end of ends) {
    const file = join(dir, `${name}.${end}`);
    if (await exists(file)) {
      throw new UsageError(
        `${file} is there and is never overwritten; give another --name, or renew it with \`passband pki renew ${name}\``,
      );
    }
  }
}

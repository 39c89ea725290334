import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { exists, replaceFile } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { createAuthority } from './authority.ts';
import { certificateFacts } from './certificate-facts.ts';
import { openAuthorities, readBundle, recordIssued, validityOf } from './folder.ts';
import type { KeyAlgorithm } from './keys.ts';
import { writePair } from './pair-files.ts';
import { CA_DAYS } from './profiles.ts';
import { CERTIFICATE_MODE, readPem } from './tls-files.ts';

/** What CAs a folder shall have. What is there is kept as it is. */
export interface AuthorityOrder {
  /** Name of the root; the issuing CA has it with " issuing" behind. */
  readonly cn?: string;
  /** p256 unless told. */
  readonly algorithm?: KeyAlgorithm;
  /** 3653 unless told, ten years; of an issuing CA never beyond the root's end. */
  readonly days?: number;
  /** Whether a CA under the root signs the leaves, so that the root's key can be put away. */
  readonly issuing?: boolean;
}

const DEFAULT_CN = 'Passband development CA';

/**
 * Makes the CAs that a folder lacks: ca.crt and ca.key, and issuing.crt and issuing.key where they are asked for. ca.crt
 * has both certificates then, so that every peer can lead a leaf to the root. Call it in the folder.
 *
 * @returns names of the files that were made or, as ca.crt by an issuing CA, added to.
 * @throws UsageError when what is there does not allow it.
 */
export async function ensureAuthorities(dir: string, order: AuthorityOrder): Promise<readonly string[]> {
  const { cn = DEFAULT_CN, algorithm = 'p256', days = CA_DAYS, issuing = false } = order;
  const created: string[] = [];
  const caFile = join(dir, 'ca.crt');
  if (!(await exists(caFile))) {
    const root = await createAuthority(cn, validityOf(days), { algorithm, pathLength: issuing ? 1 : 0 });
    await recordIssued(dir, root.certPem, { name: 'ca', profile: 'ca' });
    await writePair(dir, 'ca', root, 'issued');
    created.push('ca.crt', 'ca.key');
  } else if (order.cn !== undefined) {
    throw new UsageError(`${caFile} is there and keeps its name; leave --cn out, or name an empty folder with --certs`);
  }
  if (issuing && !(await exists(join(dir, 'issuing.crt')))) {
    const root = await rootToSign(dir);
    const validity = validityOf(days, root.certificate.validToDate.getTime());
    const issuer = { certPem: root.certPem, keyPem: root.keyPem };
    const made = await createAuthority(`${cn} issuing`, validity, { algorithm, issuer });
    await recordIssued(dir, made.certPem, { name: 'issuing', profile: 'issuing', issuer: root.certificate });
    await writePair(dir, 'issuing', made, 'issued');
    created.push('issuing.crt', 'issuing.key');
  }
  if (await completeBundle(caFile, await readBundle(dir))) created.push('ca.crt');
  return [...new Set(created)];
}

async function rootToSign(dir: string): Promise<Awaited<ReturnType<typeof openAuthorities>>[number]> {
  const [root] = await openAuthorities(dir);
  if (root === undefined) {
    throw new UsageError(
      `${join(dir, 'ca.key')} is not there, and without it nothing can be put under the CA of ca.crt`,
    );
  }
  if (certificateFacts(root.certificate).pathLength < 1) {
    throw new UsageError(
      `the CA of ${join(dir, 'ca.crt')} allows no CA below it (pathlen 0); make a root and an issuing CA together, ` +
        'in an empty folder that you name with --certs',
    );
  }
  return root;
}

/** Adds the issuing CA to ca.crt; a process that was killed may have left it out. */
async function completeBundle(caFile: string, bundle: readonly X509Certificate[]): Promise<boolean> {
  const text = await readPem(caFile, false);
  const lacking = bundle.map(String).filter((pem) => !text.replaceAll('\r', '').includes(pem.trim()));
  if (lacking.length === 0) return false;
  await replaceFile(caFile, `${text.trimEnd()}\n${lacking.join('')}`, CERTIFICATE_MODE);
  return true;
}

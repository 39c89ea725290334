import { join } from 'node:path';
import { exists, writeNew } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { issueLeaf, type LeafRequest, SUBJECT_OIDS } from './authority.ts';
import { inFolder, openSigner, recordIssued, validityOf } from './folder.ts';
import { type AuthorityOrder, ensureAuthorities } from './init.ts';
import { writePair } from './pair-files.ts';
import { packPkcs12 } from './pkcs12.ts';
import { LEAF_DAYS } from './profiles.ts';
import { KEY_MODE, readPem } from './tls-files.ts';

/** What ensureDevPki did. */
export interface DevPki {
  /** Names of the files that were made, in order; empty when all were there. */
  readonly created: readonly string[];
  /** Password of the .p12 that ensureDevPki makes. */
  readonly p12Password: string;
}

/**
 * Some importers refuse an empty password, so there is one; it protects nothing, since dashboard.key lies beside the
 * archive in the clear, and both are readable by their owner only.
 */
const P12_PASSWORD = 'passband';

const LOOPBACK_NAMES = { dns: ['localhost'], ips: ['127.0.0.1', '::1'] } as const;

type DevLeaf = Omit<LeafRequest, 'validity' | 'subject'> & { readonly cn: string; readonly profile: string };

const LEAVES: Readonly<Record<string, DevLeaf>> = {
  server: { cn: 'localhost', profile: 'server', purpose: 'server', ...LOOPBACK_NAMES },
  backend: { cn: 'passband-backend', profile: 'backend', purpose: 'server', ...LOOPBACK_NAMES },
  gateway: { cn: 'passband-gateway', profile: 'gateway', purpose: 'client' },
  client: { cn: 'oran-client', profile: 'client', purpose: 'client' },
  dashboard: { cn: 'dash-1', profile: 'client', purpose: 'client' },
};

/** Which of NAME.crt and NAME.key are there: both or none; half a pair is a mistake that only its owner can undo. */
async function hasPair(dir: string, name: string): Promise<boolean> {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  const [hasCert, hasKey] = [await exists(cert), await exists(key)];
  if (hasCert === hasKey) return hasCert;
  const [present, absent] = hasCert ? [cert, key] : [key, cert];
  throw new UsageError(
    `${present} is there but ${absent} is missing; put it back, or remove ${present} to have both made`,
  );
}

async function missingLeaves(dir: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const name of Object.keys(LEAVES)) {
    if (!(await hasPair(dir, name))) missing.push(name);
  }
  return missing;
}

/** A CA is only made where no certificate is that it could not have signed, and is only used with its key. */
async function refuseUnsignable(dir: string, missing: readonly string[]): Promise<void> {
  const [certFile, keyFile] = [join(dir, 'ca.crt'), join(dir, 'ca.key')];
  const orphans = Object.keys(LEAVES).filter((name) => !missing.includes(name));
  if (await exists(certFile)) {
    const signing = (await exists(join(dir, 'issuing.crt'))) ? join(dir, 'issuing.key') : keyFile;
    if (await exists(signing)) return;
    throw new UsageError(
      `${dir} lacks ${missing.map((name) => `${name}.crt`).join(', ')}, and ${signing} is not there to make them; ` +
        'put them there, signed by the CA of ca.crt, or name an empty folder with --certs',
    );
  }
  if ((await exists(keyFile)) || orphans.length > 0) {
    const present = orphans.length > 0 ? orphans.map((name) => `${name}.crt`).join(', ') : 'ca.key';
    throw new UsageError(
      `${certFile} is missing though ${present} is there; put it back, or name an empty folder with --certs`,
    );
  }
}

/**
 * Makes what a development set lacks: the CA, the leaves (server, backend, gateway, client, dashboard), each as NAME.crt
 * and NAME.key (0600), and dashboard.p12 for a browser. Nothing that is there is touched, whoever made it.
 *
 * @throws UsageError naming the file when half a pair is there, or leaves are missing and the CA's key is not there.
 */
export async function ensureDevPki(dir: string, order: AuthorityOrder = {}): Promise<DevPki> {
  const archive = join(dir, 'dashboard.p12');
  const isWhole = (await isUntouched(dir)) && (await missingLeaves(dir)).length === 0 && (await exists(archive));
  // A folder that has all may be one that cannot be written to.
  if (isWhole && order.issuing !== true && order.cn === undefined) return { created: [], p12Password: P12_PASSWORD };
  const created = await inFolder(dir, async () => {
    const missing = await missingLeaves(dir);
    if (missing.length > 0) await refuseUnsignable(dir, missing);
    const authorities = missing.length > 0 || order.issuing === true ? await ensureAuthorities(dir, order) : [];
    const leaves = missing.length > 0 ? await makeLeaves(dir, missing) : [];
    return [...authorities, ...leaves, ...(await makeArchive(dir, archive))];
  });
  return { created, p12Password: P12_PASSWORD };
}

/** Whether nothing waits to be finished: such a folder is read without being changed. */
async function isUntouched(dir: string): Promise<boolean> {
  const pending = Object.keys(LEAVES).map((name) => exists(join(dir, `${name}.crt.issued`)));
  return !(await Promise.all(pending)).includes(true);
}

async function makeLeaves(dir: string, missing: readonly string[]): Promise<readonly string[]> {
  const signer = await openSigner(dir);
  const validity = validityOf(LEAF_DAYS, signer.certificate.validToDate.getTime());
  const created: string[] = [];
  for (const name of missing) {
    const leaf = LEAVES[name];
    if (leaf === undefined) continue;
    const { cn, profile, ...request } = leaf;
    const subject = [{ type: SUBJECT_OIDS.CN, value: cn }];
    const pair = await issueLeaf(signer, { ...request, subject, validity });
    await recordIssued(dir, pair.certPem, { name, profile, issuer: signer.certificate });
    await writePair(dir, name, { ...pair, certPem: pair.certPem + signer.chainPem }, 'issued');
    created.push(`${name}.crt`, `${name}.key`);
  }
  return created;
}

async function makeArchive(dir: string, archive: string): Promise<readonly string[]> {
  if (await exists(archive)) return [];
  const certPem = await readPem(join(dir, 'dashboard.crt'), false);
  const keyPem = await readPem(join(dir, 'dashboard.key'), true);
  await writeNew(archive, await packPkcs12({ certPem, keyPem }, 'Passband dashboard', P12_PASSWORD), KEY_MODE);
  return ['dashboard.p12'];
}

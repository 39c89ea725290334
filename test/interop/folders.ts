import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEV_POLICY } from '../../src/gateway/guard/policy.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { issueInto } from '../../src/pki/issue.ts';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { writeLists } from '../../src/pki/lists.ts';

/** A folder of certificates with a policy, and how to be rid of it. */
export interface CertificateFolder {
  readonly dir: string;
  remove(): Promise<void>;
}

/** An empty one. */
export async function emptyFolder(): Promise<CertificateFolder> {
  const root = await mkdtemp(join(tmpdir(), 'passband-interop-'));
  await writeFile(join(root, 'policy.yaml'), DEV_POLICY);
  return { dir: root, remove: () => rm(root, { recursive: true, force: true }) };
}

/**
 * What `passband pki init --ca-only` and `issue` make, every key of one kind: server, backend, gateway, client, dash-1, lists.
 *
 * @param crlUrls where the servers' certificates say that the list is.
 */
export async function madeFolder(
  algorithm: KeyAlgorithm,
  issuing = false,
  crlUrls: readonly string[] = [],
): Promise<CertificateFolder> {
  const folder = await emptyFolder();
  const { dir } = folder;
  await ensureAuthorities(dir, { algorithm, issuing, cn: 'Interop CA' });
  const here = { dns: ['localhost'], ips: ['127.0.0.1', '::1'], uris: [], emails: [] };
  const nowhere = { dns: [], ips: [], uris: [], emails: [] };
  const order = { o: [], ou: [], algorithm };
  await issueInto(dir, { ...order, ...here, profile: 'server', cn: 'localhost', name: 'server', crlUrls });
  await issueInto(dir, { ...order, ...here, profile: 'backend', cn: 'passband-backend', name: 'backend', crlUrls });
  await issueInto(dir, { ...order, ...nowhere, profile: 'gateway', cn: 'passband-gateway', name: 'gateway' });
  await issueInto(dir, { ...order, ...nowhere, profile: 'client', cn: 'oran-client', name: 'client' });
  await issueInto(dir, { ...order, ...nowhere, profile: 'client', cn: 'dash-1', name: 'dashboard' });
  await writeLists(dir);
  return folder;
}

/** The first certificate of a file, where its issuers follow it. */
export async function firstCertificate(file: string): Promise<string> {
  const [first = ''] =
    /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(await readFile(file, 'utf8')) ?? [];
  return first;
}

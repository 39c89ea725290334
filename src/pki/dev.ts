import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { createAuthority, type IssuedCertificate, issueLeaf, type LeafRequest, SUBJECT_OIDS } from './authority.ts';
import { packPkcs12 } from './pkcs12.ts';
import { readPem, writeNew } from './store.ts';

/** What ensureDevPki did. */
export interface DevPki {
  /** Names of the files that were made, in order; empty when all were there. */
  readonly created: readonly string[];
  /** Password of the .p12 that ensureDevPki makes. */
  readonly p12Password: string;
}

/** Years are of 365.25 days: a CA outlives every leaf that a development machine will ever ask of it. */
const CA_DAYS = 3653;

/**
 * Days that a leaf is good for: browsers refuse server certificates of more than 398, and a day is left for clock skew
 * and the hour below.
 */
const LEAF_DAYS = 397;

const DAY_MS = 86_400_000;

/** How far back validity begins, so that a machine whose clock is behind accepts a certificate made just now. */
const BACKDATE_MS = 3_600_000;

/**
 * Some importers refuse an empty password, so there is one; it protects nothing, since dashboard.key lies beside the
 * archive in the clear, and both are readable by their owner only.
 */
const P12_PASSWORD = 'passband';

const LOOPBACK_NAMES = { dns: ['localhost'], ips: ['127.0.0.1', '::1'] } as const;

const LEAVES: Readonly<Record<string, Omit<LeafRequest, 'validity' | 'subject'> & { readonly cn: string }>> = {
  server: { cn: 'localhost', purpose: 'server', ...LOOPBACK_NAMES },
  backend: { cn: 'passband-backend', purpose: 'server', ...LOOPBACK_NAMES },
  gateway: { cn: 'passband-gateway', purpose: 'client' },
  client: { cn: 'oran-client', purpose: 'client' },
  dashboard: { cn: 'dash-1', purpose: 'client' },
};

/** Owner only; and what all may read. */
const [KEY_MODE, CERTIFICATE_MODE] = [0o600, 0o644];

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

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

async function writePair(dir: string, name: string, pair: IssuedCertificate): Promise<string[]> {
  await writeNew(join(dir, `${name}.key`), pair.keyPem, KEY_MODE);
  await writeNew(join(dir, `${name}.crt`), pair.certPem, CERTIFICATE_MODE);
  return [`${name}.crt`, `${name}.key`];
}

/** The CA to sign with: the one of the folder, or a new one where no certificate is that it could not have signed. */
async function authorityOf(dir: string, missing: readonly string[], created: string[]): Promise<IssuedCertificate> {
  const [certFile, keyFile] = [join(dir, 'ca.crt'), join(dir, 'ca.key')];
  const files = missing.map((name) => `${name}.crt`).join(', ');
  if (await exists(certFile)) {
    if (!(await exists(keyFile))) {
      throw new UsageError(
        `${dir} lacks ${files}, and ${keyFile} is not there to make them; put them there, signed by the CA of ca.crt, ` +
          'or name an empty folder with --certs',
      );
    }
    return { certPem: await readPem(certFile, false), keyPem: await readPem(keyFile, true) };
  }
  const orphans = Object.keys(LEAVES).filter((name) => !missing.includes(name));
  if ((await exists(keyFile)) || orphans.length > 0) {
    const present = orphans.length > 0 ? orphans.map((name) => `${name}.crt`).join(', ') : 'ca.key';
    throw new UsageError(
      `${certFile} is missing though ${present} is there; put it back, or name an empty folder with --certs`,
    );
  }
  const authority = await createAuthority('Passband development CA', validity(CA_DAYS));
  created.push(...(await writePair(dir, 'ca', authority)));
  return authority;
}

function validity(days: number): LeafRequest['validity'] {
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - BACKDATE_MS), notAfter: new Date(nowMs + days * DAY_MS) };
}

/**
 * Makes what a development set lacks: the CA, the leaves (server, backend, gateway, client, dashboard), each as NAME.crt
 * and NAME.key (0600), and dashboard.p12 for a browser. Nothing that is there is touched, whoever made it.
 *
 * @throws UsageError naming the file when half a pair is there, or leaves are missing and the CA's key is not there.
 */
export async function ensureDevPki(dir: string): Promise<DevPki> {
  const created: string[] = [];
  const missing: string[] = [];
  for (const name of Object.keys(LEAVES)) {
    if (!(await hasPair(dir, name))) missing.push(name);
  }
  if (missing.length > 0) {
    const authority = await authorityOf(dir, missing, created);
    for (const [name, { cn, ...leaf }] of Object.entries(LEAVES)) {
      if (!missing.includes(name)) continue;
      const subject = [{ type: SUBJECT_OIDS.CN, value: cn }];
      const pair = await issueLeaf(authority, { ...leaf, subject, validity: validity(LEAF_DAYS) });
      created.push(...(await writePair(dir, name, pair)));
    }
  }
  const archive = join(dir, 'dashboard.p12');
  if (!(await exists(archive))) {
    const certPem = await readPem(join(dir, 'dashboard.crt'), false);
    const keyPem = await readPem(join(dir, 'dashboard.key'), true);
    await writeNew(archive, await packPkcs12({ certPem, keyPem }, 'Passband dashboard', P12_PASSWORD), KEY_MODE);
    created.push('dashboard.p12');
  }
  return { created, p12Password: P12_PASSWORD };
}

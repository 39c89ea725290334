import { randomBytes, X509Certificate } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  type IssuedCertificate,
  issueLeaf,
  SUBJECT_OIDS,
  type SubjectAttribute,
} from '../../src/pki/authority.ts';
import { ensureDevPki } from '../../src/pki/dev.ts';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import { buildCrl, type Revocation, type RevocationReason } from '../../src/pki/revocation.ts';

/** What a test certificate shall be; everything has a default that the gateway accepts. */
export interface TestCertificate {
  /** One CN, several, or none (null); 'oran-client' unless told. */
  readonly cn?: string | readonly string[] | null;
  readonly o?: readonly string[];
  readonly ou?: readonly string[];
  /** The whole subject, in place of cn, o and ou. */
  readonly rawSubject?: readonly SubjectAttribute[];
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
  readonly email?: readonly string[];
  /** Extended key usage; 'client' unless told. */
  readonly eku?: 'client' | 'server' | 'none';
  /** An hour ago unless told. */
  readonly notBefore?: Date;
  /** In a day unless told. */
  readonly notAfter?: Date;
  /** Who signs: the CA of the folder unless told. */
  readonly issuer?: 'ca' | 'other-ca' | 'self' | IssuedCertificate;
  /** Kind of the key; p256 unless told. */
  readonly algorithm?: KeyAlgorithm;
}

/** What a test revocation list shall be. */
export interface TestList {
  /** Who signs: the CA of the folder unless told. */
  readonly issuer?: IssuedCertificate;
  /** One more than the last one's unless told. */
  readonly number?: number;
  /** A minute ago unless told. */
  readonly thisUpdate?: Date;
  /** In a day unless told. */
  readonly nextUpdate?: Date;
  /** keyCompromise unless told. */
  readonly reason?: RevocationReason;
  /** Where it goes: crl.pem of the folder unless told. */
  readonly file?: string;
}

/** A certificate and its key, as text and as files (the key 0600). */
export interface TestFiles extends IssuedCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A throwaway PKI in a temporary folder. */
export interface TestPki {
  /** Folder in the layout of `passband pki init`: ca, server, backend, gateway, client, dashboard. */
  readonly dir: string;
  /** The CA's certificate as PEM, to trust. */
  readonly caPem: string;
  /** Issues one more certificate, good or bad. */
  issue(certificate?: TestCertificate): Promise<TestFiles>;
  /** One of the folder's own pairs by its name. */
  pair(name: 'ca' | 'server' | 'backend' | 'gateway' | 'client' | 'dashboard'): Promise<TestFiles>;
  /** Makes a CA under that of the folder (see `pathLength`); `issue({ issuer })` signs with it and appends it. */
  intermediate(commonName?: string): Promise<IssuedCertificate>;
  /** Replaces crl.pem, in one step, by a list of these serials (hexadecimal) and no others; gives its PEM. */
  crl(serials: readonly string[], list?: TestList): Promise<string>;
  /** Adds certificates (PEM) to those that the folder's CA has revoked by this, and replaces crl.pem; gives its PEM. */
  revoke(...certPems: readonly string[]): Promise<string>;
  /** Removes the folder. */
  remove(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const hoursFromNow = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);

function subjectOf({ cn = 'oran-client', o = [], ou = [], rawSubject }: TestCertificate): readonly SubjectAttribute[] {
  if (rawSubject !== undefined) return rawSubject;
  const names = cn === null ? [] : [cn].flat();
  return [
    ...o.map((value) => ({ type: SUBJECT_OIDS.O, value })),
    ...ou.map((value) => ({ type: SUBJECT_OIDS.OU, value })),
    ...names.map((value) => ({ type: SUBJECT_OIDS.CN, value })),
  ];
}

/** Folder of the PKI that global-setup.mjs made for the whole run. */
const MADE_FOR_RUN = process.env.PASSBAND_TEST_PKI;
/** Whether a PKI of this test file is a copy of it, and not yet removed. */
let isCopyThere = false;

/**
 * Makes a PKI of its own for a test: nothing of it is ever trusted outside. Call `remove` when done. It may be a copy of
 * what the whole run has, with the same CA; of PKIs that a test has at the same time no two have the same.
 *
 * @param pathLength how many CAs may be between the folder's CA and a leaf; 1 is needed for `intermediate`.
 */
export async function makeTestPki({ pathLength = 0 }: { readonly pathLength?: number } = {}): Promise<TestPki> {
  const root = await mkdtemp(join(tmpdir(), 'passband-pki-'));
  const dir = join(root, 'certs');
  if (pathLength > 0) {
    const validity = { notBefore: hoursFromNow(-1), notAfter: hoursFromNow(24 * 900) };
    const authority = await createAuthority('Passband development CA', validity, { pathLength });
    await mkdir(dir);
    await writeFile(join(dir, 'ca.key'), authority.keyPem, { mode: 0o600 });
    await writeFile(join(dir, 'ca.crt'), authority.certPem);
  }
  const isCopy = MADE_FOR_RUN !== undefined && pathLength === 0 && !isCopyThere;
  if (isCopy) {
    isCopyThere = true;
    await cp(join(MADE_FOR_RUN, 'certs'), dir, { recursive: true });
  } else await ensureDevPki(dir);

  const pair: TestPki['pair'] = async (name) => {
    const [certFile, keyFile] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
    return { certPem: await readFile(certFile, 'utf8'), keyPem: await readFile(keyFile, 'utf8'), certFile, keyFile };
  };
  const ca = await pair('ca');
  const issued = join(root, 'issued');
  await mkdir(issued);

  const issue = async (certificate: TestCertificate = {}): Promise<TestFiles> => {
    const validity = {
      notBefore: certificate.notBefore ?? hoursFromNow(-1),
      notAfter: certificate.notAfter ?? hoursFromNow(24),
    };
    const issuers = {
      ca: async () => ca,
      self: async () => undefined,
      // The same name as the real one, so that only the signature can tell.
      'other-ca': async () => createAuthority('Passband development CA', validity),
    };
    const { issuer = 'ca' } = certificate;
    const leaf = await issueLeaf(typeof issuer === 'string' ? await issuers[issuer]() : issuer, {
      subject: subjectOf(certificate),
      purpose: certificate.eku ?? 'client',
      validity,
      dns: certificate.dns ?? [],
      ips: certificate.ip ?? [],
      uris: certificate.uri ?? [],
      emails: certificate.email ?? [],
      algorithm: certificate.algorithm ?? 'p256',
    });
    // An authority of another's making is sent along, as a TLS peer must.
    const made = typeof issuer === 'string' ? leaf : { ...leaf, certPem: leaf.certPem + issuer.certPem };
    const name = randomBytes(6).toString('hex');
    const [certFile, keyFile] = [join(issued, `${name}.crt`), join(issued, `${name}.key`)];
    await writeFile(certFile, made.certPem);
    await writeFile(keyFile, made.keyPem, { mode: 0o600 });
    return { ...made, certFile, keyFile };
  };

  const intermediate: TestPki['intermediate'] = (commonName = 'Passband issuing CA') =>
    createAuthority(commonName, { notBefore: hoursFromNow(-1), notAfter: hoursFromNow(24) }, { issuer: ca });

  let lastNumber = 0;
  const crl: TestPki['crl'] = async (serials, list = {}) => {
    const thisUpdate = list.thisUpdate ?? new Date(Date.now() - 60_000);
    const { reason = 'keyCompromise', file = join(dir, 'crl.pem') } = list;
    lastNumber = list.number ?? lastNumber + 1;
    const revocations = serials.map((serial): Revocation => ({ serial, reason, at: thisUpdate }));
    const edition = { number: lastNumber, thisUpdate, nextUpdate: list.nextUpdate ?? hoursFromNow(24) };
    const pem = await buildCrl(list.issuer ?? ca, revocations, edition);
    const temporary = `${file}.${randomBytes(6).toString('hex')}`;
    await writeFile(temporary, pem);
    await rename(temporary, file);
    return pem;
  };
  const revoked: string[] = [];
  const revoke: TestPki['revoke'] = (...certPems) => {
    revoked.push(...certPems.map((pem) => new X509Certificate(pem).serialNumber));
    return crl(revoked);
  };
  const remove = async (): Promise<void> => {
    await rm(root, { recursive: true, force: true });
    if (isCopy) isCopyThere = false;
  };
  return { dir, caPem: ca.certPem, issue, pair, intermediate, crl, revoke, remove };
}

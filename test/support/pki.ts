import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  readonly issuer?: 'ca' | 'other-ca' | 'self';
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

/** Makes a PKI of its own for a test: nothing of it is ever trusted outside. Call `remove` when done. */
export async function makeTestPki(): Promise<TestPki> {
  const root = await mkdtemp(join(tmpdir(), 'passband-pki-'));
  const dir = join(root, 'certs');
  await ensureDevPki(dir);

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
    const made = await issueLeaf(await issuers[certificate.issuer ?? 'ca'](), {
      subject: subjectOf(certificate),
      purpose: certificate.eku ?? 'client',
      validity,
      dns: certificate.dns ?? [],
      ips: certificate.ip ?? [],
      uris: certificate.uri ?? [],
      emails: certificate.email ?? [],
    });
    const name = randomBytes(6).toString('hex');
    const [certFile, keyFile] = [join(issued, `${name}.crt`), join(issued, `${name}.key`)];
    await writeFile(certFile, made.certPem);
    await writeFile(keyFile, made.keyPem, { mode: 0o600 });
    return { ...made, certFile, keyFile };
  };
  return { dir, caPem: ca.certPem, issue, pair, remove: () => rm(root, { recursive: true, force: true }) };
}

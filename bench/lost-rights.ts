import { X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEV_POLICY } from '../src/gateway/guard/policy.ts';
import { createAuthority, type IssuedCertificate, issueLeaf, SUBJECT_OIDS } from '../src/pki/authority.ts';
import { buildCrl, type Revocation } from '../src/pki/revocation.ts';

/** A way in which clients with open streams lose their right to them. */
export interface Loss {
  readonly what: string;
  /** gRPC code that the reader of a stream is told. */
  readonly code: number;
  /** Whether the connection goes as well: it does where nothing may be asked on it any more. */
  readonly closesConnections: boolean;
  readonly newClient: (index: number) => Promise<IssuedCertificate>;
  /** Takes the right away, and gives the moment from which it is gone, by `performance.now()`; that may lie ahead. */
  readonly take: (clients: readonly IssuedCertificate[]) => Promise<number>;
  /** Lets new clients in again; there is nothing to do where it hits only those of one turn. */
  readonly giveBack?: () => void;
}

const UNAUTHENTICATED = 16;
const PERMISSION_DENIED = 7;
const HOUR_MS = 3_600_000;
/** How long the second authority lasts: so long that nobody warns of its end. */
const YEAR_MS = 365 * 24 * HOUR_MS;
/** How long the certificates last that run out, beyond twice the time that it took to open as many streams before. */
const SPARE_LIFETIME_MS = 3_000;

const validity = (notAfterMs = Date.now() + HOUR_MS) => ({
  notBefore: new Date(Date.now() - HOUR_MS),
  notAfter: new Date(notAfterMs),
});

/** The authorities that a folder trusts: its own, and one that can be taken out of the bundle. */
export interface Authorities {
  readonly own: IssuedCertificate;
  readonly second: IssuedCertificate;
}

/** Adds a second authority to the bundle of a folder that has its own. */
export async function addAuthority(folder: string): Promise<Authorities> {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const own = { certPem: read('ca.crt'), keyPem: read('ca.key') };
  const second = await createAuthority('The second CA', validity(Date.now() + YEAR_MS));
  replace(folder, 'ca.crt', `${own.certPem}\n${second.certPem}`);
  return { own, second };
}

/**
 * Puts policy and revocation list into a folder, and gives what can be done there to open streams.
 *
 * @param folder the certs folder of the program that is to end the streams.
 * @param openingMs how long it takes to open all streams, as far as is known.
 */
export async function lossesIn(
  folder: string,
  { own, second }: Authorities,
  openingMs: () => number,
): Promise<readonly Loss[]> {
  const revoked: Revocation[] = [];
  let number = 0;
  const newList = (): Promise<string> =>
    buildCrl(own, revoked, {
      number: ++number,
      thisUpdate: new Date(Date.now() - 1000),
      nextUpdate: new Date(Date.now() + HOUR_MS),
    });
  const withoutSubscribing = DEV_POLICY.split('\n')
    .filter((line) => !line.includes('IQStreamService/SubscribeIQ'))
    .join('\n');
  const bundle = `${own.certPem}\n${second.certPem}`;
  replace(folder, 'policy.yaml', DEV_POLICY);
  replace(folder, 'crl.pem', await newList());

  const revocation: Loss = {
    what: 'certificates revoked',
    code: UNAUTHENTICATED,
    closesConnections: true,
    newClient: (index) => issue(own, index),
    take: async (clients) => {
      for (const { certPem } of clients) {
        const serial = new X509Certificate(certPem).serialNumber;
        revoked.push({ serial, reason: 'keyCompromise', at: new Date() });
      }
      return replace(folder, 'crl.pem', await newList());
    },
  };
  const policy: Loss = {
    what: 'right taken out of the policy',
    code: PERMISSION_DENIED,
    closesConnections: false,
    newClient: (index) => issue(own, index),
    take: async () => replace(folder, 'policy.yaml', withoutSubscribing),
    giveBack: () => replace(folder, 'policy.yaml', DEV_POLICY),
  };
  const authority: Loss = {
    what: 'authority taken out of ca.crt',
    code: UNAUTHENTICATED,
    closesConnections: true,
    newClient: (index) => issue(second, index),
    take: async () => replace(folder, 'ca.crt', own.certPem),
    giveBack: () => replace(folder, 'ca.crt', bundle),
  };
  // X.509 counts whole seconds. All clients of a turn get the same one: that of whoever asks first.
  let notAfterMs = 0;
  const expiry: Loss = {
    what: 'certificates run out',
    code: UNAUTHENTICATED,
    closesConnections: true,
    newClient: (index) => {
      const lifetimeMs = SPARE_LIFETIME_MS + 2 * openingMs();
      if (Date.now() > notAfterMs) notAfterMs = Math.ceil((Date.now() + lifetimeMs) / 1000) * 1000;
      return issue(own, index, notAfterMs);
    },
    take: async () => {
      const leftMs = notAfterMs - Date.now();
      if (leftMs < 0) throw new Error('the streams were opened too slowly: their certificates have run out already');
      return performance.now() + leftMs;
    },
  };
  return [revocation, policy, authority, expiry];
}

function issue(authority: IssuedCertificate, index: number, notAfterMs?: number): Promise<IssuedCertificate> {
  const subject = [{ type: SUBJECT_OIDS.CN, value: `dash-${index}` }];
  return issueLeaf(authority, { subject, purpose: 'client', validity: validity(notAfterMs) });
}

/** Puts a file in its place at one moment, and says which: the last one at which it was not there yet. */
function replace(folder: string, name: string, content: string): number {
  const next = join(folder, `${name}.next`);
  writeFileSync(next, content);
  const atMs = performance.now();
  renameSync(next, join(folder, name));
  return atMs;
}

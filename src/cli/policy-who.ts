import type { Command } from 'commander';
import { PassbandError, UsageError } from '../errors.ts';
import { type Identity, identityFromCertificate } from '../gateway/guard/identity.ts';
import { parseCertificates, readPem } from '../pki/tls-files.ts';

/** Parts of an identity, by the prefixes that a policy has for them. */
export interface Who {
  readonly cn?: string;
  readonly o?: readonly string[];
  readonly ou?: readonly string[];
  readonly dns?: readonly string[];
  readonly uri?: readonly string[];
  readonly email?: readonly string[];
  readonly sha256?: string;
}

/** Flags that say who calls. */
export interface WhoFlags extends Who {
  readonly cert?: string;
}

/** Gives a verb the options that say who calls. */
export function addWhoOptions(command: Command): Command {
  return command
    .option('--cn <name>', 'common name of the caller')
    .option('--o <name...>', 'its organizations')
    .option('--ou <name...>', 'its organizational units')
    .option('--dns <name...>', 'its DNS names')
    .option('--uri <uri...>', 'its URIs')
    .option('--email <address...>', 'its email addresses')
    .option('--sha256 <hex>', 'fingerprint of its certificate')
    .option('--cert <file>', 'its certificate, PEM, instead of all these');
}

/** An identity with these parts and no others. No certificate has its fingerprint unless one is given. */
export function identityOf(who: Who): Identity {
  return Object.freeze({
    cn: who.cn ?? '',
    organizations: who.o ?? [],
    organizationalUnits: who.ou ?? [],
    dns: who.dns ?? [],
    uris: who.uri ?? [],
    emails: who.email ?? [],
    sha256: who.sha256 ?? '',
    serial: '00',
    issuer: '',
    notBeforeMs: Number.NEGATIVE_INFINITY,
    notAfterMs: Number.POSITIVE_INFINITY,
  });
}

/**
 * The caller that flags describe.
 *
 * @throws UsageError when they describe none, or the certificate cannot be used as one.
 */
export async function callerOf({ cert, ...who }: WhoFlags): Promise<Identity> {
  const parts = Object.values(who).filter((value) => value !== undefined).length;
  if (cert === undefined) {
    if (who.cn === undefined) throw new UsageError('nobody calls; say who with --cn, or with --cert FILE');
    return identityOf(who);
  }
  if (parts > 0) throw new UsageError('--cert says all there is about a caller; leave --cn and its like out');
  const [leaf] = parseCertificates(await readPem(cert, false), cert);
  if (leaf === undefined) throw new UsageError(`${cert} has no certificate in it`);
  try {
    return identityFromCertificate(leaf.raw);
  } catch (error) {
    if (!(error instanceof PassbandError)) throw error;
    throw new UsageError(`${cert}: ${error.publicMessage}; no such caller is let in`, { cause: error });
  }
}

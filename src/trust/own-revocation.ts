import type { X509Certificate } from 'node:crypto';
import type { Log } from '../observability/log.ts';
import type { TrustMetrics } from '../observability/trust-metrics.ts';
import { plainName, plainSerial } from '../pki/certificate-facts.ts';
import { parseCertificates, type TlsMaterial } from '../pki/tls-files.ts';
import type { Material } from './material.ts';
import type { Reloadable } from './reloadable.ts';
import { revokedOf } from './standing.ts';

/** A pair in use, and what the revocation lists in use say of it. */
export interface OwnPair {
  /** Name of the pair, such as `server`. */
  readonly name: string;
  readonly file: string;
  readonly subject: string;
  readonly serial: string;
  /** The certificate that a list names: the pair's own, or an authority's on its way to a root. Undefined when none is. */
  readonly revoked: X509Certificate | undefined;
}

/** The pairs of a material. */
export function ownPairs({ tls, trust }: Material<string>): readonly OwnPair[] {
  return Object.entries<TlsMaterial>(tls).flatMap(([name, { certPem, certFile }]) => {
    const [leaf, ...intermediates] = parseCertificates(certPem, certFile);
    if (leaf === undefined) return [];
    return [{ name, file: certFile, ...wordsOf(leaf), revoked: revokedOf(trust, { leaf, intermediates }) }];
  });
}

/**
 * Says of each own pair that is revoked by the lists in use, in the log and as a metric: at once, and when certificates or
 * lists change. Peers refuse it from then on; here it stays in use, for what else is to be done with it is the operator's,
 * and no revocation may wait for that.
 *
 * @returns a function that ends it.
 */
export function watchOwnRevocation(
  material: Reloadable<Material<string>>,
  { log, metrics }: { readonly log: Log; readonly metrics: TrustMetrics },
): () => void {
  let pairs: readonly OwnPair[] = [];
  /** Of what was said, while it is so. */
  let said = new Set<string>();
  const look = (): void => {
    pairs = ownPairs(material.current());
    const news = new Set<string>();
    for (const { revoked, ...pair } of pairs) {
      if (revoked === undefined) continue;
      const key = `${pair.name} ${pair.serial} ${revoked.fingerprint256}`;
      news.add(key);
      if (said.has(key)) continue;
      const { subject, serial } = wordsOf(revoked);
      const authority = serial === pair.serial && subject === pair.subject ? undefined : { subject, serial };
      log.error({ ...pair, authority }, 'a certificate in use has been revoked, and peers refuse it; replace it');
    }
    said = news;
  };
  const unshow = metrics.show(() => ({
    pairs: pairs.map(({ name, serial, revoked }) => ({ name, serial, isRevoked: revoked !== undefined })),
  }));
  const unlisten = material.onChange(look);
  look();
  return () => {
    unlisten();
    unshow();
  };
}

function wordsOf({ subject, serialNumber }: X509Certificate): { readonly subject: string; readonly serial: string } {
  return { subject: plainName(subject), serial: plainSerial(serialNumber) };
}

import type { X509Certificate } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { afterMoment } from '../expiry.ts';
import type { Log } from '../observability/log.ts';
import type { TrustMetrics } from '../observability/trust-metrics.ts';
import { plainName, plainSerial } from '../pki/certificate-facts.ts';
import { parseCertificates, type TlsMaterial } from '../pki/tls-files.ts';
import type { Material } from './material.ts';
import type { Reloadable } from './reloadable.ts';
import { isStale } from './standing.ts';

/** Days left at which a log line says so: time to plan, to act, and to be woken up. */
const WARN_AT_DAYS = [30, 7, 1] as const;
/** The same for revocation lists, which live a month at most for leaves, and whose end shuts out everybody. */
const WARN_OF_LIST_AT_DAYS = [7, 1] as const;

const DAY_MS = 86_400_000;

/** A certificate that TLS works with. */
export interface CertificateInUse {
  /** Name of its pair, or `ca`. */
  readonly name: string;
  readonly file: string;
  readonly subject: string;
  readonly serial: string;
  readonly sha256: string;
  readonly notAfterMs: number;
}

/** Every certificate of a material: leaves, the intermediates behind them, and the authorities. */
export function certificatesInUse({ tls, trust }: Material<string>): readonly CertificateInUse[] {
  const pairs = Object.entries<TlsMaterial>(tls);
  const caFile = pairs[0]?.[1].caFile ?? 'ca.crt';
  return [
    ...pairs.flatMap(([name, { certPem, certFile }]) =>
      parseCertificates(certPem, certFile).map((certificate) => inUse(name, certFile, certificate)),
    ),
    ...trust.authorities.map((certificate) => inUse('ca', caFile, certificate)),
  ];
}

/**
 * Refuses a material of which a certificate has not enough time left; of the authorities one that has is enough.
 *
 * @throws UsageError naming the file and the remedy.
 */
export function refuseNearlyDead(material: Material<string>, minDays: number, nowMs: number = Date.now()): void {
  const isNearlyDead = ({ notAfterMs }: CertificateInUse): boolean => notAfterMs - nowMs < minDays * DAY_MS;
  const certificates = certificatesInUse(material);
  const authorities = certificates.filter(({ name }) => name === 'ca');
  const dead = [
    ...certificates.filter((certificate) => certificate.name !== 'ca' && isNearlyDead(certificate)),
    // An old root that runs out beside a new one is a roll-over.
    ...(authorities.every(isNearlyDead) ? authorities : []),
  ];
  const [first] = dead;
  if (minDays === 0 || first === undefined) return;
  const days = ((first.notAfterMs - nowMs) / DAY_MS).toFixed(1);
  throw new UsageError(
    `${first.file}: ${first.subject} has ${days} days left, and --min-days asks for ${minDays}; renew it`,
  );
}

/**
 * Watches how long the certificates in use are good: a log line once each at 30, 7 and 1 days (at once for what is loaded
 * below), one for each revocation list at 7 and 1 days and when it is out of date, and the metrics of both. Lists that are
 * made anew oftener are told of later: a threshold that is more than half of a list's time is none.
 *
 * @returns a function that ends it.
 */
export function watchExpiry(
  material: Reloadable<Material<string>>,
  { log, metrics }: { readonly log: Log; readonly metrics: TrustMetrics },
): () => void {
  let certificates = certificatesInUse(material.current());
  /** What was said already, of what is still in use: a certificate or list, and how little time was left. */
  let said = new Set<string>();
  let cancel = (): void => {};
  let closed = false;

  const look = (): void => {
    if (closed) return;
    cancel();
    const { lists } = material.current().trust.revocations;
    const nowMs = Date.now();
    const news = new Set<string>();
    const say = (key: string, tell: () => void): void => {
      if (!said.has(key) && !news.has(key)) tell();
      news.add(key);
    };
    const next: number[] = [];
    for (const { sha256, notAfterMs, ...whose } of certificates) {
      const leftMs = notAfterMs - nowMs;
      const reached = WARN_AT_DAYS.filter((days) => leftMs <= days * DAY_MS);
      const due = reached.at(-1);
      next.push(...WARN_AT_DAYS.map((days) => notAfterMs - days * DAY_MS).filter((ms) => ms > nowMs));
      if (due === undefined) continue;
      const facts = { ...whose, notAfter: new Date(notAfterMs).toISOString(), daysLeft: leftMs / DAY_MS };
      const level = due === 1 ? 'error' : 'warn';
      say(`${whose.name} ${sha256} ${due}`, () => log[level](facts, 'a certificate in use expires soon; renew it'));
    }
    for (const list of lists) {
      const { sha256, nextUpdateMs, issuer, file } = list;
      if (nextUpdateMs === undefined) continue;
      const nextUpdate = new Date(nextUpdateMs).toISOString();
      const facts = { issuer, file, nextUpdate };
      if (isStale(list, nowMs)) {
        say(sha256, () => log.error(facts, 'a revocation list is out of date; fetch a new one'));
        continue;
      }
      const leftMs = nextUpdateMs - nowMs;
      const daysToTell = WARN_OF_LIST_AT_DAYS.filter((days) => 2 * days * DAY_MS <= nextUpdateMs - list.thisUpdateMs);
      const due = daysToTell.filter((days) => leftMs <= days * DAY_MS).at(-1);
      const moments = daysToTell.map((days) => nextUpdateMs - days * DAY_MS);
      next.push(nextUpdateMs, ...moments.filter((ms) => ms > nowMs));
      if (due === undefined) continue;
      const level = due === 1 ? 'error' : 'warn';
      const told = { ...facts, daysLeft: leftMs / DAY_MS };
      say(`${sha256} ${due}`, () => log[level](told, 'a revocation list is out of date soon; fetch a new one'));
    }
    said = news;
    cancel = next.length === 0 ? () => {} : afterMoment(Math.min(...next), () => queueMicrotask(look));
  };

  const unshow = metrics.show(() => ({ certificates, lists: material.current().trust.revocations.lists }));
  const unlisten = material.onChange((now) => {
    certificates = certificatesInUse(now);
    look();
  });
  look();
  return () => {
    closed = true;
    unlisten();
    unshow();
    cancel();
  };
}

function inUse(name: string, file: string, certificate: X509Certificate): CertificateInUse {
  return {
    name,
    file,
    subject: plainName(certificate.subject),
    serial: plainSerial(certificate.serialNumber),
    sha256: certificate.fingerprint256,
    notAfterMs: certificate.validToDate.getTime(),
  };
}

import { Counter, Gauge, type Registry } from 'prom-client';

/** A certificate in use: whose it is here and how long it is good. */
export interface CertificateExpiry {
  /** Name of the pair (`server`, `gateway`, `backend`), or `ca`. */
  readonly name: string;
  /** Serial number, hexadecimal; a bundle has several. */
  readonly serial: string;
  readonly notAfterMs: number;
}

/** A revocation list in use. */
export interface ListExpiry {
  readonly issuer: string;
  readonly nextUpdateMs: number | undefined;
}

/** A certificate of our own that is in use. */
export interface OwnCertificate {
  /** Name of the pair. */
  readonly name: string;
  /** Serial number, hexadecimal. */
  readonly serial: string;
  /** By the lists that are in use here. */
  readonly isRevoked: boolean;
}

/** What is in use at the moment of asking. */
export interface TrustInUse {
  readonly certificates: readonly CertificateExpiry[];
  readonly lists: readonly ListExpiry[];
  readonly pairs: readonly OwnCertificate[];
}

/** What is counted of certificates, revocation lists and the files that they are read from. */
export interface TrustMetrics {
  /** For a value that is made of files: a function that is told how each reading ended. */
  outcome(what: string): (ok: boolean) => void;
  /** Counts what OCSP responders were asked; `none` is no answer that can be believed. */
  ocspAnswer(answer: 'good' | 'revoked' | 'unknown' | 'none'): void;
  /** Has what it is told shown as long as it is in use; the function that is returned ends that. */
  show(inUse: () => Partial<TrustInUse>): () => void;
}

const DAY_MS = 86_400_000;

/** What is shown on a registry: programs in one process share it. */
const shown = new WeakMap<Registry, Set<() => Partial<TrustInUse>>>();

/** Metrics on a registry; asked again for the same one, the same metrics. */
export function trustMetrics(registry: Registry): TrustMetrics {
  const sources = shown.get(registry) ?? new Set<() => Partial<TrustInUse>>();
  if (!shown.has(registry)) registerExpiries(registry, sources);
  shown.set(registry, sources);
  const [reloads, broken] = fileMetrics(registry);
  const answers = ocspMetric(registry);
  return {
    outcome: (what) => {
      broken.set({ what }, 0);
      for (const outcome of ['ok', 'failed']) reloads.inc({ what, outcome }, 0);
      return (ok) => {
        broken.set({ what }, ok ? 0 : 1);
        reloads.inc({ what, outcome: ok ? 'ok' : 'failed' });
      };
    },
    ocspAnswer: (answer) => answers.inc({ answer }),
    show: (inUse) => {
      sources.add(inUse);
      return () => sources.delete(inUse);
    },
  };
}

function fileMetrics(registry: Registry): [Counter<'what' | 'outcome'>, Gauge<'what'>] {
  const name = { reloads: 'passband_trust_reloads_total', broken: 'passband_trust_broken' };
  const reloads =
    (registry.getSingleMetric(name.reloads) as Counter<'what' | 'outcome'> | undefined) ??
    new Counter({
      name: name.reloads,
      help: 'Readings of files that may change while they are in use, the first one included.',
      labelNames: ['what', 'outcome'] as const,
      registers: [registry],
    });
  const broken =
    (registry.getSingleMetric(name.broken) as Gauge<'what'> | undefined) ??
    new Gauge({
      name: name.broken,
      help: '1 while changed files cannot be used and the last good state stays.',
      labelNames: ['what'] as const,
      registers: [registry],
    });
  return [reloads, broken];
}

function ocspMetric(registry: Registry): Counter<'answer'> {
  const name = 'passband_ocsp_answers_total';
  return (
    (registry.getSingleMetric(name) as Counter<'answer'> | undefined) ??
    new Counter({
      name,
      help: 'Questions to OCSP responders, by answer; "none" is no answer that can be believed.',
      labelNames: ['answer'] as const,
      registers: [registry],
    })
  );
}

/** Gauges that are made when they are asked for, so that a certificate that is replaced leaves nothing behind. */
function registerExpiries(registry: Registry, sources: ReadonlySet<() => Partial<TrustInUse>>): void {
  new Gauge({
    name: 'grpc_tls_certificate_expiry_days',
    help: 'Days until a certificate in use expires; negative once it has.',
    labelNames: ['name', 'serial'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, serial, notAfterMs } of [...sources].flatMap((source) => source().certificates ?? [])) {
        this.set({ name, serial }, (notAfterMs - Date.now()) / DAY_MS);
      }
    },
  });
  new Gauge({
    name: 'passband_own_certificate_revoked',
    help: '1 while a certificate of our own is revoked by the lists in use here, so that peers refuse it.',
    labelNames: ['name', 'serial'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, serial, isRevoked } of [...sources].flatMap((source) => source().pairs ?? [])) {
        this.set({ name, serial }, isRevoked ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: 'passband_revocation_list_next_update_seconds',
    help: 'When the next revocation list of an issuer is due, seconds since 1970; none for a list that does not say.',
    labelNames: ['issuer'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { issuer, nextUpdateMs } of [...sources].flatMap((source) => source().lists ?? [])) {
        if (nextUpdateMs !== undefined) this.set({ issuer }, nextUpdateMs / 1000);
      }
    },
  });
}

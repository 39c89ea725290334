import type { Config } from '../config.ts';
import type { Policy } from '../gateway/guard/policy.ts';
import type { Log } from '../observability/log.ts';
import type { TrustMetrics } from '../observability/trust-metrics.ts';
import { openReloadable } from '../trust/files.ts';
import { loadMaterial, type Material, materialFiles, type RevocationOptions } from '../trust/material.ts';
import { OcspChecker } from '../trust/ocsp.ts';
import type { Reloadable } from '../trust/reloadable.ts';

/** Is told how each reading of files ended: whether they are in use. */
export type OnOutcome = (ok: boolean) => void;

/** Where a program's revocation lists come from. */
export function revocationOptions({ crl, crlStale }: Config): RevocationOptions {
  return { crlFiles: crl, staleLists: crlStale };
}

/**
 * The certificates of a program by the names of its pairs, the CA bundle and the revocation lists; read anew when the
 * files change.
 *
 * @throws UsageError naming the file and the remedy.
 */
export function openMaterial<Name extends string>(
  config: Config,
  names: readonly Name[],
  log: Log,
  onOutcome: OnOutcome = () => {},
): Promise<Reloadable<Material<Name>>> {
  const options = revocationOptions(config);
  return openReloadable<Material<Name>>({
    what: 'certificates',
    files: materialFiles(config.certs, names, options),
    load: (before, onFault) => loadMaterial(config.certs, names, options, before, onFault),
    log,
    onOutcome,
  });
}

/**
 * The policy; read anew when its file changes.
 *
 * @param load reads and proves it.
 * @throws UsageError naming the file and the remedy.
 */
export function openPolicy(
  file: string,
  load: () => Promise<Policy>,
  log: Log,
  onOutcome: OnOutcome = () => {},
): Promise<Reloadable<Policy>> {
  return openReloadable<Policy>({ what: 'policy', files: [file], load, log, onOutcome });
}

/** Who asks OCSP about client certificates; undefined when nobody shall. */
export function ocspChecker(
  { ocsp, ocspUrl, ocspTimeoutMs }: Config,
  log: Log,
  metrics: TrustMetrics,
): OcspChecker | undefined {
  if (ocsp === 'off') return undefined;
  const onAnswer = (answer: Parameters<TrustMetrics['ocspAnswer']>[0]): void => metrics.ocspAnswer(answer);
  return new OcspChecker({ mode: ocsp, url: ocspUrl, timeoutMs: ocspTimeoutMs, log, onAnswer });
}

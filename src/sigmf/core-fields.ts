import type { SigmfFields } from './fields.ts';

/** The first and the last version whose fields of the namespace `core` are all known here: 1.2.5 took none away. */
const KNOWN_FROM = [1, 0, 0];
const KNOWN_TO = [1, 2, 5];

/** Fields of the namespace `core`, SigMF 1.2.5. */
const CORE = {
  global: [
    ...['author', 'collection', 'data_doi', 'dataset', 'datatype', 'description', 'extensions', 'geolocation', 'hw'],
    ...['license', 'meta_doi', 'metadata_only', 'num_channels', 'offset', 'recorder', 'sample_rate', 'sha512'],
    ...['trailing_bytes', 'version'],
  ],
  capture: ['datetime', 'frequency', 'geolocation', 'global_index', 'header_bytes', 'sample_start'],
  annotation: [
    ...['comment', 'freq_lower_edge', 'freq_upper_edge', 'generator', 'label', 'sample_count', 'sample_start', 'uuid'],
  ],
} as const;

/** `NAMESPACE:NAME`, letters, digits and `_`, neither beginning with a digit. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Refuses names that the standard forbids: such without a namespace, and in `core` such as it does not define ("only this
 * specification can add fields to the Core namespace"). Other namespaces are let be ("MUST be able to ignore"), and so is
 * `core` in a version whose fields are not known here.
 */
export function checkNames(fields: SigmfFields, kind: keyof typeof CORE, version: string): void {
  const isKnown = compare(version, KNOWN_FROM) >= 0 && compare(version, KNOWN_TO) <= 0;
  for (const name of fields.names) {
    if (!NAME.test(name)) fields.fail(name, 'is no field name: it must have the form namespace:name');
    const [namespace, own = ''] = name.split(':');
    const known: readonly string[] = CORE[kind];
    if (isKnown && namespace === 'core' && !known.includes(own)) {
      fields.fail(name, `is not defined by SigMF ${version}; put fields of your own into a namespace of your own`);
    }
  }
}

function compare(version: string, other: readonly number[]): number {
  const parts = version.split('.').map(Number);
  for (const [i, part] of other.entries()) {
    const difference = (parts[i] ?? 0) - part;
    if (difference !== 0) return difference;
  }
  return 0;
}

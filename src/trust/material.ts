import type { TlsMaterial } from '../pki/store.ts';
import type { Trust } from './trust.ts';

/** Everything a program's TLS works with, read together and replaced together. */
export interface Material<Name extends string> {
  /** Certificate, key and CA bundle by the name of the pair, such as `server`. */
  readonly tls: Readonly<Record<Name, TlsMaterial>>;
  readonly trust: Trust;
}

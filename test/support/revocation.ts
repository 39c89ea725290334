import { X509Certificate } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCrl, type Revocation } from '../../src/pki/revocation.ts';
import type { TestPki } from './pki.ts';

const HOUR_MS = 3_600_000;

/** Puts a file in its place as a careful operator does: written beside it, then renamed. */
export async function replaceFile(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const beside = `${file}.next`;
  await writeFile(beside, content, { mode });
  await rename(beside, file);
}

/** The revocation list of a test PKI's CA, published as crl.pem of its folder. */
export class Revoker {
  readonly file: string;
  private readonly pki: TestPki;
  private readonly revoked: Revocation[] = [];
  private number = 0;

  constructor(pki: TestPki) {
    this.pki = pki;
    this.file = join(pki.dir, 'crl.pem');
  }

  /** Publishes a list with these certificates on it besides those of before. */
  async revoke(...certificates: readonly { readonly certPem: string }[]): Promise<void> {
    for (const { certPem } of certificates) {
      this.revoked.push({ serial: new X509Certificate(certPem).serialNumber, reason: 'keyCompromise', at: new Date() });
    }
    await this.publish();
  }

  /** Publishes the list as it is, as good as until `nextUpdate`: in an hour unless told. */
  async publish(nextUpdate = new Date(Date.now() + HOUR_MS)): Promise<void> {
    this.number++;
    const thisUpdate = new Date(Date.now() - 1000);
    const edition = { number: this.number, thisUpdate, nextUpdate };
    await replaceFile(this.file, await buildCrl(await this.pki.pair('ca'), this.revoked, edition));
  }
}

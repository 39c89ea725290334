import { createPrivateKey, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { writeNew } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { packPkcs12 } from './pkcs12.ts';
import { commonNames } from './subject.ts';
import { checkKey, KEY_MODE, parseCertificates, readPem } from './tls-files.ts';

/** Characters of a password that is made here: 95 bits, and none that is mistaken for another. */
const PASSWORD_LENGTH = 16;
const PASSWORD_CHARACTERS = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** An archive to be made of NAME.crt and NAME.key. */
export interface ArchiveOrder {
  /** NAME.p12 of the folder unless told. */
  readonly out?: string;
  /** ASCII, at least one character; made at random unless told. */
  readonly password?: string;
}

/**
 * Packs NAME.crt, the CAs behind it and NAME.key for browsers and mail programs.
 *
 * @returns the file and its password.
 * @throws UsageError when the pair is not whole, the password cannot be one, or the file is there.
 */
export async function exportArchive(
  dir: string,
  name: string,
  { out, password = randomPassword() }: ArchiveOrder = {},
): Promise<{ readonly file: string; readonly password: string }> {
  if (!/^[ -~]{1,128}$/.test(password)) {
    throw new UsageError('the password must be 1 to 128 ASCII characters: importers do not agree on others');
  }
  const [certFile, keyFile] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  const certPem = await readPem(certFile, false);
  const keyPem = await readPem(keyFile, true);
  const [leaf] = parseCertificates(certPem, certFile);
  checkKey(keyPem, keyFile, leaf, certFile);
  if (createPrivateKey(keyPem).asymmetricKeyType === 'ed25519') {
    throw new UsageError(`${keyFile} is an Ed25519 key, which no browser takes; issue it with --algorithm p256`);
  }
  const file = out ?? join(dir, `${name}.p12`);
  await writeNew(file, await packPkcs12({ certPem, keyPem }, commonNames(leaf)[0] ?? name, password), KEY_MODE);
  return { file, password };
}

function randomPassword(): string {
  return Array.from({ length: PASSWORD_LENGTH }, () => PASSWORD_CHARACTERS[randomInt(PASSWORD_CHARACTERS.length)]).join(
    '',
  );
}

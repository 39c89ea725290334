import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openssl } from '../support/openssl.ts';
import { replaceFile } from '../support/revocation.ts';
import { run } from '../support/run.ts';
import { type CertificateFolder, emptyFolder } from './folders.ts';

/** A folder that Passband takes, filled by a CA of another make, and that CA. */
export interface ForeignFolder extends CertificateFolder {
  /** Has the CA revoke a pair of the folder and replaces crl.pem. */
  revoke(name: string): Promise<void>;
}

/** Pairs of the folder: base name, CN, and whether it is a server's. */
const PAIRS = [
  ['server', 'localhost', true],
  ['backend', 'passband-backend', true],
  ['gateway', 'passband-gateway', false],
  ['client', 'oran-client', false],
  ['dashboard', 'dash-1', false],
] as const;

const CONFIG = `
[ca]
default_ca = here
[here]
dir = .
database = $dir/index.txt
new_certs_dir = $dir
crlnumber = $dir/crlnumber
default_md = sha256
default_days = 30
default_crl_days = 7
rand_serial = yes
policy = anything
unique_subject = no
[anything]
commonName = supplied
organizationName = optional
[req]
distinguished_name = none
prompt = no
[none]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[for_server]
basicConstraints = critical, CA:false
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
[for_client]
basicConstraints = CA:false
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

/** Arguments of `openssl genpkey`, by what the key is. */
export const OPENSSL_KEYS = {
  'EC P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'EC P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'RSA 2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  Ed25519: ['-algorithm', 'ED25519'],
} as const;

/** A CA of `openssl req` and `openssl ca`, with one under it that signs where `intermediate` is true. */
export async function opensslFolder(kind: keyof typeof OPENSSL_KEYS, intermediate: boolean): Promise<ForeignFolder> {
  const folder = await emptyFolder();
  const { dir } = folder;
  const at = (...path: readonly string[]): string => join(dir, ...path);
  const newKey = async (file: string): Promise<void> => {
    await openssl('genpkey', ...OPENSSL_KEYS[kind], '-out', file);
    await chmod(file, 0o600);
  };
  for (const name of ['root', 'issuing']) {
    await mkdir(at(name));
    await writeFile(at(name, 'index.txt'), '');
    await writeFile(at(name, 'crlnumber'), '1000\n');
    await writeFile(at(name, 'openssl.cnf'), CONFIG.replace('dir = .', `dir = ${at(name)}`));
    await newKey(at(name, 'ca.key'));
  }
  const ca = (name: string, ...args: readonly string[]): Promise<string> =>
    openssl('ca', '-batch', '-notext', '-config', at(name, 'openssl.cnf'), ...signerOf(name), ...args);
  const signerOf = (name: string): readonly string[] => ['-keyfile', at(name, 'ca.key'), '-cert', at(name, 'ca.crt')];
  const request = (key: string, subject: string): Promise<string> =>
    openssl(
      'req',
      '-new',
      '-config',
      at('root', 'openssl.cnf'),
      '-key',
      key,
      '-subj',
      subject,
      '-out',
      at('request.csr'),
    );

  const root = ['-config', at('root', 'openssl.cnf'), '-extensions', 'authority', '-days', '60'];
  const named = ['-key', at('root', 'ca.key'), '-subj', '/O=Foreign/CN=OpenSSL Root', '-out', at('root', 'ca.crt')];
  await openssl('req', '-x509', '-new', ...root, ...named);
  await request(at('issuing', 'ca.key'), '/O=Foreign/CN=OpenSSL Issuing');
  await ca('root', '-extensions', 'authority', '-in', at('request.csr'), '-out', at('issuing', 'ca.crt'));

  const signer = intermediate ? 'issuing' : 'root';
  const read = (name: string): Promise<string> => readFile(at(name, 'ca.crt'), 'utf8');
  await writeFile(at('ca.crt'), intermediate ? (await read('root')) + (await read('issuing')) : await read('root'));
  for (const [name, cn, isServer] of PAIRS) {
    await newKey(at(`${name}.key`));
    await request(at(`${name}.key`), `/O=Foreign/CN=${cn}`);
    const extensions = isServer ? 'for_server' : 'for_client';
    await ca(signer, '-extensions', extensions, '-in', at('request.csr'), '-out', at(`${name}.crt`));
  }
  return {
    ...folder,
    revoke: async (name) => {
      await ca(signer, '-revoke', at(`${name}.crt`), '-crl_reason', 'keyCompromise');
      const lists: string[] = [];
      for (const authority of new Set([signer, 'root'])) {
        await ca(authority, '-gencrl', '-out', at('list.pem'));
        lists.push(await readFile(at('list.pem'), 'utf8'));
      }
      await replaceFile(at('crl.pem'), lists.join(''));
    },
  };
}

/** Where Debian puts it. */
const EASYRSA = '/usr/share/easy-rsa/easyrsa';

/** A CA of easy-rsa; `ec` or `rsa`. */
export async function easyRsaFolder(algorithm: 'ec' | 'rsa'): Promise<ForeignFolder> {
  const folder = await emptyFolder();
  const { dir } = folder;
  const pki = join(dir, 'pki');
  const easyrsa = async (...args: readonly string[]): Promise<void> => {
    const settings = [`--pki-dir=${pki}`, `--use-algo=${algorithm}`, '--batch'];
    const { code, stderr } = await run(EASYRSA, [...settings, ...args]);
    if (code !== 0) throw new Error(`easyrsa ${args.join(' ')} ended with ${code}: ${stderr}`);
  };
  await easyrsa('init-pki');
  await easyrsa('--req-cn=Easy CA', 'build-ca', 'nopass');
  await copyFile(join(pki, 'ca.crt'), join(dir, 'ca.crt'));
  for (const [name, cn, isServer] of PAIRS) {
    if (isServer) await easyrsa('--subject-alt-name=DNS:localhost,IP:127.0.0.1', 'build-server-full', cn, 'nopass');
    else await easyrsa('build-client-full', cn, 'nopass');
    // With the text that openssl writes in front of a certificate.
    await copyFile(join(pki, 'issued', `${cn}.crt`), join(dir, `${name}.crt`));
    await copyFile(join(pki, 'private', `${cn}.key`), join(dir, `${name}.key`));
  }
  const cnOf = (name: string): string => PAIRS.find(([pair]) => pair === name)?.[1] ?? name;
  return {
    ...folder,
    revoke: async (name) => {
      await easyrsa('revoke', cnOf(name), 'keyCompromise');
      await easyrsa('gen-crl');
      await replaceFile(join(dir, 'crl.pem'), await readFile(join(pki, 'crl.pem'), 'utf8'));
    },
  };
}

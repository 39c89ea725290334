import { basename, join } from 'node:path';
import { exists, writeNew } from '../durable-files.ts';
import { UsageError } from '../errors.ts';
import { type LeafNames, leafExtensions, subjectAltName } from './extensions.ts';
import { inCaFolder, openSigner } from './folder.ts';
import { type Issued, signInto } from './issue.ts';
import { type KeyAlgorithm, newKey } from './keys.ts';
import {
  type LeafSubject,
  PROFILES,
  type Profile,
  proveAltNames,
  proveCrlUrls,
  proveFileName,
  proveServerNames,
  proveSubject,
} from './profiles.ts';
import { buildRequest, type CertificateRequest, readRequest } from './requests.ts';
import { encodeSubject, SUBJECT_OIDS } from './subject.ts';
import { KEY_MODE, readPem } from './tls-files.ts';

/** A key and a request for its certificate, to be made. */
export interface RequestOrder extends LeafSubject {
  /** Base name of the files; the CN unless told. */
  readonly name?: string;
  /** p256 unless told. */
  readonly algorithm?: KeyAlgorithm;
  /** Whether to ask for the key that is there, as for a renewal. */
  readonly sameKey?: boolean;
}

/** What is to be made of a request: what is given here is stronger than what is asked for there. */
export interface SignOrder {
  readonly profile: Profile;
  /** Base name of the certificate's file; that of the request's file unless told. */
  readonly name?: string;
  readonly days?: number;
  /** A whole subject in place of the request's. */
  readonly subject?: Pick<LeafSubject, 'cn' | 'o' | 'ou'>;
  /** All alternative names in place of the request's. */
  readonly names?: LeafNames;
  /** As of IssueOrder. */
  readonly crlUrls?: readonly string[];
}

/**
 * Makes NAME.key and NAME.csr: the key stays where it is made, the request goes to whoever has the CA.
 *
 * @throws UsageError when what is asked for cannot be, or a file is there.
 */
export async function requestInto(
  dir: string,
  order: RequestOrder,
): Promise<{ readonly keyFile: string; readonly requestFile: string }> {
  const subject = proveSubject(order);
  const name = proveFileName(order.name, 'client', order.cn);
  const [keyFile, requestFile] = [join(dir, `${name}.key`), join(dir, `${name}.csr`)];
  const keyPem = order.sameKey === true ? await readPem(keyFile, true) : await newKey(order.algorithm ?? 'p256');
  const request = await buildRequest(keyPem, subject, order);
  if (await exists(requestFile)) throw new UsageError(`${requestFile} is there; remove it, or give another --name`);
  if (order.sameKey !== true) await writeNew(keyFile, keyPem, KEY_MODE);
  await writeNew(requestFile, request, 0o644);
  return { keyFile, requestFile };
}

/** A certificate that was made of a request, and what it was made of. */
export interface Signed extends Issued {
  /** What the request asked for and did not get. */
  readonly ignored: readonly string[];
}

/**
 * Signs a request into a folder as NAME.crt: subject and alternative names as asked or as given here, everything else as
 * the profile has it, whatever the request says.
 *
 * @throws UsageError when the request is not its key's holder's, or asks for what cannot be.
 */
export async function signRequest(dir: string, bytes: Uint8Array, file: string, order: SignOrder): Promise<Signed> {
  const request = await readRequest(bytes, file);
  const names = order.names ?? request.names;
  proveAltNames(names);
  proveServerNames(order.profile, names);
  proveCrlUrls(order.crlUrls ?? []);
  const cn = order.subject?.cn ?? onlyCommonName(request, file);
  const subject = order.subject === undefined ? request.subject : encodeSubject(proveSubject(order.subject));
  if (order.subject === undefined) proveSubject({ cn });
  const name = proveFileName(order.name ?? basename(file).replace(/\.(csr|req|pem|der)$/i, ''), order.profile, cn);
  const altName = subjectAltName(names);
  const issued = await inCaFolder(dir, async () => {
    const signer = await openSigner(dir);
    return await signInto(dir, signer, {
      name,
      profile: order.profile,
      days: order.days,
      body: {
        subject,
        publicKey: request.publicKey,
        extensions: (authority) => [
          ...leafExtensions(request.publicKey, authority, PROFILES[order.profile].purpose, order.crlUrls),
          ...(altName === undefined ? [] : [altName]),
        ],
      },
    });
  });
  return { ...issued, ignored: request.ignored };
}

function onlyCommonName({ attributes }: CertificateRequest, file: string): string {
  const [cn, ...more] = attributes.filter(({ type }) => type === SUBJECT_OIDS.CN);
  if (cn === undefined || more.length > 0) {
    throw new UsageError(`${file} asks for ${cn === undefined ? 'no CN' : 'several CNs'}; give the one with --cn`);
  }
  return cn.value;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import * as pkijs from 'pkijs';
import { UsageError } from '../../../src/errors.ts';
import { PACKAGE_ROOT } from '../../../src/package-root.ts';
import { parseCrls } from '../../../src/pki/crl-file.ts';
import { mutatedDer } from '../der.ts';
import { mutatedBytes } from '../mutation.ts';
import { type FuzzTarget, same } from '../target.ts';

/** Revocation lists that openssl and this project made, as DER and as PEM, in hex. */
const CORPUS: readonly string[] = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, 'test', 'fuzz', 'corpus', 'revocation-lists.json'), 'utf8'),
);
/** OIDs of the list's number, reason codes, delta lists, distribution points; an empty SEQUENCE; indefinite length. */
const TOKENS = [
  '0603551d14',
  '0603551d15',
  '0603551d1b',
  '0603551d1c',
  '0603551d1d',
  '3000',
  '3080',
  '0000',
  '0a0108',
  '020100',
  '0101ff',
];

/** Serial numbers as they are written in a list, in hex and without leading zeros. */
function serialsOf(list: pkijs.CertificateRevocationList): string[] {
  const all = (list.revokedCertificates ?? []).map(({ userCertificate }) => {
    const bytes = Buffer.from(userCertificate.valueBlock.valueHexView);
    // A serial number should be positive; one that is not is still the number that it is.
    return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`)).toString(16);
  });
  return [...new Set(all)].sort();
}

function readByPkijs(bytes: Buffer): pkijs.CertificateRevocationList | undefined {
  try {
    return pkijs.CertificateRevocationList.fromBER(bytes);
  } catch {
    return undefined;
  }
}

/** Revocation lists: refused in a sentence, or understood as pkijs understands them, so that nobody is left out. */
export async function revocationListTarget(): Promise<FuzzTarget<string>> {
  const ders = CORPUS.filter((hex) => hex.startsWith('30'));
  return {
    inputs: fc.oneof(
      { weight: 3, arbitrary: mutatedDer(ders) },
      { weight: 1, arbitrary: mutatedBytes(CORPUS, TOKENS) },
    ),
    check: async (hex) => {
      const bytes = Buffer.from(hex, 'hex');
      let lists: Awaited<ReturnType<typeof parseCrls>>;
      try {
        lists = await parseCrls(bytes, 'crl.pem');
      } catch (error) {
        if (error instanceof UsageError && !(error.cause instanceof TypeError)) return;
        throw error;
      }
      const [list] = lists;
      if (bytes[0] !== 0x30 || list === undefined || lists.length > 1) return;
      const theirs = readByPkijs(bytes);
      // Names are compared as bytes with an authority's own here; what is in them need not make sense.
      if (theirs === undefined) return;
      same('the serials', [...list.revoked.keys()].sort(), serialsOf(theirs));
      same('thisUpdate', list.thisUpdateMs, theirs.thisUpdate.value.getTime());
      same('nextUpdate', list.nextUpdateMs, theirs.nextUpdate?.value.getTime());
    },
  };
}

import { createHash, createPrivateKey } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { type IssuedCertificate, pemToDer } from './authority.ts';
import { parseCertificates } from './tls-files.ts';

/** PBKDF2 rounds with HMAC-SHA-256 (PBES2) and PKCS#12 MAC rounds: what OpenSSL-made archives of today have at least. */
const ITERATIONS = 10_000;

const BAG_OIDS = { key: '1.2.840.113549.1.12.10.1.2', certificate: '1.2.840.113549.1.12.10.1.3' } as const;
const ATTRIBUTE_OIDS = { friendlyName: '1.2.840.113549.1.9.20', localKeyId: '1.2.840.113549.1.9.21' } as const;

/** Ways of protecting an archive and its parts (RFC 7292 section 4.1): with a password, throughout. */
const [PLAIN, PASSWORD] = [0, 1];

/**
 * Packs a certificate, the CAs that its PEM has behind it, and its key as PKCS#12 (RFC 7292) in the algorithms of today:
 * PBES2 with AES-256-CBC, MAC with SHA-256. OpenSSL 3, NSS (Firefox, Chromium on Linux) and current macOS and Windows read it.
 *
 * @param password ASCII; PKCS#12 derives its MAC key from UTF-16 and PBES2 from bytes, and importers agree on ASCII only.
 */
export async function packPkcs12(pair: IssuedCertificate, friendlyName: string, password: string): Promise<Uint8Array> {
  const certificate = pkijs.Certificate.fromBER(pemToDer(pair.certPem));
  const pkcs8 = Uint8Array.from(createPrivateKey(pair.keyPem).export({ type: 'pkcs8', format: 'der' }));
  const keyBag = new pkijs.PKCS8ShroudedKeyBag({ parsedValue: pkijs.PrivateKeyInfo.fromBER(pkcs8) });
  const secret = Uint8Array.from(Buffer.from(password, 'ascii')).buffer;
  // Web Crypto makes the initialisation vector; the type wants one all the same.
  const contentEncryptionAlgorithm = { name: 'AES-CBC', length: 256, iv: new Uint8Array(16) } as const;
  const encryption = {
    password: secret,
    contentEncryptionAlgorithm,
    hmacHashAlgorithm: 'SHA-256',
    iterationCount: ITERATIONS,
  };
  await keyBag.makeInternalValues(encryption);

  const bagAttributes = attributes(friendlyName, pemToDer(pair.certPem));
  const keySafe = new pkijs.SafeContents({
    safeBags: [new pkijs.SafeBag({ bagId: BAG_OIDS.key, bagValue: keyBag, bagAttributes })],
  });
  const [, ...authorities] = parseCertificates(pair.certPem, 'the certificate').map(({ raw }) => raw);
  const certificateSafe = new pkijs.SafeContents({
    safeBags: [
      new pkijs.SafeBag({ bagId: BAG_OIDS.certificate, bagValue: certBag(certificate), bagAttributes }),
      ...authorities.map((der) => {
        const authority = pkijs.Certificate.fromBER(Uint8Array.from(der));
        return new pkijs.SafeBag({ bagId: BAG_OIDS.certificate, bagValue: certBag(authority) });
      }),
    ],
  });
  const authenticatedSafe = new pkijs.AuthenticatedSafe({
    parsedValue: {
      safeContents: [
        // The key is encrypted in its bag already.
        { privacyMode: PLAIN, value: keySafe },
        { privacyMode: PASSWORD, value: certificateSafe },
      ],
    },
  });
  await authenticatedSafe.makeInternalValues({ safeContents: [{}, { ...encryption }] });
  const archive = new pkijs.PFX({ parsedValue: { integrityMode: 0, authenticatedSafe } });
  await archive.makeInternalValues({
    password: secret,
    iterations: ITERATIONS,
    pbkdf2HashAlgorithm: 'SHA-256',
    hmacHashAlgorithm: 'SHA-256',
  });
  return new Uint8Array(archive.toSchema().toBER());
}

function certBag(certificate: pkijs.Certificate): pkijs.CertBag {
  return new pkijs.CertBag({ parsedValue: certificate });
}

/** The name that an importer shows, and the number by which it finds the certificate of a key. */
function attributes(friendlyName: string, certificateDer: Uint8Array): pkijs.Attribute[] {
  const keyId = Uint8Array.from(createHash('sha1').update(certificateDer).digest());
  return [
    new pkijs.Attribute({
      type: ATTRIBUTE_OIDS.friendlyName,
      values: [new asn1js.BmpString({ value: friendlyName })],
    }),
    new pkijs.Attribute({ type: ATTRIBUTE_OIDS.localKeyId, values: [new asn1js.OctetString({ valueHex: keyId })] }),
  ];
}

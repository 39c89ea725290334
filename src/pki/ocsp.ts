import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { certificateFacts, plainSerial } from './certificate-facts.ts';
import { encodeSerial, serialText } from './encoding.ts';
import { verifySignature } from './verify-signature.ts';

/** Whom is asked about: a certificate and who has signed it. */
export interface OcspSubject {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate;
}

/** What a responder says. */
export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly thisUpdateMs: number;
  /** Until when it may be believed, at most; undefined where there is always something newer. */
  readonly nextUpdateMs: number | undefined;
}

const OIDS = {
  sha1: '1.3.14.3.2.26',
  basicResponse: '1.3.6.1.5.5.7.48.1.1',
  nonce: '1.3.6.1.5.5.7.48.1.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const;

/** Milliseconds that the clock of a responder may differ from ours. */
const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;
/**
 * Milliseconds since its thisUpdate for which an answer without our nonce counts, whatever its nextUpdate: it may be a recorded one
 * that somebody plays again, and so long may it hide a revocation. A day, as responders that sign in advance do so daily or oftener.
 */
const MAX_UNPROVEN_AGE_MS = 24 * 60 * 60_000;
/** Certificates of a response that are looked at for the responder's. */
const MAX_RESPONDER_CERTIFICATES = 4;

/** Why a responder has no answer (RFC 6960 section 4.2.1), by its number. */
const REFUSALS = ['', 'malformed request', 'internal error', 'try later', '', 'signature required', 'unauthorized'];
/** Tag numbers of CertStatus. */
const STATUSES = ['good', 'revoked', 'unknown'] as const;

/** A number used once, of the 32 bytes that RFC 9654 section 2.1 asks of clients. */
export function ocspNonce(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(randomBytes(32));
}

/**
 * A request about one certificate (RFC 6960 section 4.1). The issuer is named by SHA-1 digests, which every responder knows
 * (RFC 5019 section 2.1.1); they are a name and protect nothing.
 *
 * @param nonce what the response is to repeat (RFC 9654); none where a response signed in advance is as good.
 */
export function ocspRequest(subject: OcspSubject, nonce?: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const requestList = [new pkijs.Request({ reqCert: certificateId(subject) })];
  const tbsRequest = new pkijs.TBSRequest({ requestList });
  if (nonce !== undefined) {
    const extnValue = new asn1js.OctetString({ valueHex: nonce }).toBER();
    tbsRequest.requestExtensions = [new pkijs.Extension({ extnID: OIDS.nonce, critical: false, extnValue })];
  }
  return new Uint8Array(new pkijs.OCSPRequest({ tbsRequest }).toSchema(true).toBER());
}

/** What a response is read with. */
export interface OcspQuestion {
  /** What was sent with the request: a response that repeats another is refused, and one without counts for a day at most. */
  readonly nonce?: Uint8Array;
  /** Whether the issuer has revoked a responder's certificate; not so unless told. */
  readonly isRevoked?: (certificate: X509Certificate) => boolean;
}

/**
 * Reads a response and verifies it: about this certificate, signed by its issuer or by a responder that the issuer has named
 * (RFC 6960 section 4.2.2.2), of now, and no other request's.
 *
 * @throws Error saying why there is no answer to be had from it.
 */
export function readOcspResponse(
  der: Uint8Array,
  subject: OcspSubject,
  nowMs: number,
  { nonce, isRevoked = () => false }: OcspQuestion = {},
): OcspAnswer {
  const basic = basicResponse(der);
  const { tbsResponseData, signatureAlgorithm, signature } = basic;
  const algorithmDer = new Uint8Array(signatureAlgorithm.toSchema().toBER());
  const isSigner = (certificate: X509Certificate): boolean => {
    const { publicKey } = certificateFacts(certificate);
    const value = signature.valueBlock.valueHexView;
    return publicKey !== undefined && verifySignature(algorithmDer, tbsResponseData.tbsView, value, publicKey);
  };
  const delegates = (): X509Certificate[] =>
    responderCertificates(basic).filter((one) => isDelegate(one, subject.issuer, nowMs) && !isRevoked(one));
  if (!isSigner(subject.issuer) && !delegates().some(isSigner)) {
    throw new Error('the response is not signed by the issuer or a responder of its');
  }
  const isProven = repeats(tbsResponseData, nonce);
  const wanted = idText(certificateId(subject));
  const single = tbsResponseData.responses.find(({ certID }) => idText(certID) === wanted);
  if (single === undefined) throw new Error('the response is not about this certificate');
  const thisUpdateMs = single.thisUpdate.getTime();
  const nextUpdateMs = single.nextUpdate?.getTime();
  // Without a next update there is always something newer: then only what was made for us counts.
  const lastsMs = nextUpdateMs ?? thisUpdateMs + MAX_CLOCK_DIFFERENCE_MS;
  const endsMs = isProven ? lastsMs : Math.min(lastsMs, thisUpdateMs + MAX_UNPROVEN_AGE_MS);
  if (!(thisUpdateMs <= nowMs + MAX_CLOCK_DIFFERENCE_MS)) throw new Error('the response is of the future');
  if (!(endsMs >= nowMs)) throw new Error('the response is out of date');
  const status = STATUSES[(single.certStatus as asn1js.BaseBlock).idBlock.tagNumber];
  if (status === undefined) throw new Error('the response has no status');
  return { status, thisUpdateMs, nextUpdateMs: nextUpdateMs === undefined ? undefined : endsMs };
}

/** Whether a response was made for this request; responders that sign in advance repeat no nonce. */
function repeats({ responseExtensions = [] }: pkijs.ResponseData, nonce: Uint8Array | undefined): boolean {
  const nonces = responseExtensions.filter(({ extnID }) => extnID === OIDS.nonce);
  if (nonce === undefined || nonces.length === 0) return false;
  const sent = Buffer.from(new asn1js.OctetString({ valueHex: Uint8Array.from(nonce) }).toBER());
  if (!nonces.every(({ extnValue }) => sent.equals(extnValue.valueBlock.valueHexView))) {
    throw new Error('the response answers another request');
  }
  return true;
}

function basicResponse(der: Uint8Array): pkijs.BasicOCSPResponse {
  let response: pkijs.OCSPResponse;
  let basic: pkijs.BasicOCSPResponse | undefined;
  try {
    const bytes = Uint8Array.from(der);
    if (asn1js.fromBER(bytes).offset !== bytes.length) throw new Error('bytes behind the response');
    response = pkijs.OCSPResponse.fromBER(bytes);
    const { responseType, response: octets } = response.responseBytes ?? {};
    if (responseType === OIDS.basicResponse && octets !== undefined) {
      basic = pkijs.BasicOCSPResponse.fromBER(Uint8Array.from(octets.valueBlock.valueHexView));
    }
  } catch (error) {
    throw new Error('the response cannot be read', { cause: error });
  }
  const status = Number(response.responseStatus.valueBlock.valueDec);
  if (status !== 0) throw new Error(`the responder refuses: ${REFUSALS[status] || `status ${status}`}`);
  if (basic === undefined) throw new Error('the response is of a kind that is not known here');
  return basic;
}

function responderCertificates({ certs = [] }: pkijs.BasicOCSPResponse): X509Certificate[] {
  return certs.slice(0, MAX_RESPONDER_CERTIFICATES).flatMap((certificate) => {
    try {
      return [new X509Certificate(new Uint8Array(certificate.toSchema().toBER()))];
    } catch {
      return [];
    }
  });
}

/** Whether the issuer itself has signed a certificate that is for answering in its name. */
function isDelegate(certificate: X509Certificate, issuer: X509Certificate, nowMs: number): boolean {
  const { notBeforeMs, notAfterMs } = certificateFacts(certificate);
  return (
    // Node's name for the extended key usages.
    (certificate.keyUsage ?? []).includes(OIDS.ocspSigning) &&
    nowMs >= notBeforeMs &&
    nowMs <= notAfterMs &&
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey)
  );
}

function certificateId({ certificate, issuer }: OcspSubject): pkijs.CertID {
  const { subjectDer } = certificateFacts(issuer);
  const spki = issuer.publicKey.export({ type: 'spki', format: 'der' });
  // The bits of the key, without the octet that counts unused ones (RFC 6960 section 4.1.1).
  const bits = pkijs.PublicKeyInfo.fromBER(Uint8Array.from(spki)).subjectPublicKey.valueBlock.valueHexView;
  return new pkijs.CertID({
    hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: OIDS.sha1, algorithmParams: new asn1js.Null() }),
    issuerNameHash: new asn1js.OctetString({ valueHex: sha1(Buffer.from(subjectDer, 'hex')) }),
    issuerKeyHash: new asn1js.OctetString({ valueHex: sha1(bits) }),
    serialNumber: encodeSerial(certificate.serialNumber),
  });
}

function idText({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: pkijs.CertID): string {
  const hexOf = (octets: asn1js.OctetString): string => Buffer.from(octets.valueBlock.valueHexView).toString('hex');
  const hashes = [hexOf(issuerNameHash), hexOf(issuerKeyHash)];
  return [hashAlgorithm.algorithmId, ...hashes, plainSerial(serialText(serialNumber))].join();
}

function sha1(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(createHash('sha1').update(bytes).digest());
}

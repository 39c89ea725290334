// needs: openssl
import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import * as asn1js from 'asn1js';
import pino from 'pino';
import * as pkijs from 'pkijs';
import { createAuthority, type IssuedCertificate, issueLeaf } from '../../src/pki/authority.ts';
import { parseCrls, verifyCrl } from '../../src/pki/crl-file.ts';
import { pemToDer } from '../../src/pki/encoding.ts';
import { ocspNonce, ocspRequest, readOcspResponse } from '../../src/pki/ocsp.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { OcspChecker, type OcspOptions } from '../../src/trust/ocsp.ts';
import type { OcspFetch } from '../../src/trust/ocsp-fetch.ts';
import { NO_REVOCATION_LISTS, revocationLists } from '../../src/trust/revocation-lists.ts';
import type { PeerChain, Trust } from '../../src/trust/trust.ts';
import { type Responder, startResponder } from '../support/ocsp-responder.ts';

const MINUTE_MS = 60_000;
const validity = { notBefore: new Date(Date.now() - 60 * MINUTE_MS), notAfter: new Date(Date.now() + 600 * MINUTE_MS) };
/** Milliseconds for responders that answer: OpenSSL has to be started, on a machine that has other work. */
const PATIENT_MS = 20_000;

let ca: IssuedCertificate;
let stranger: IssuedCertificate;
let good: IssuedCertificate;
let revoked: IssuedCertificate;
let unheardOf: IssuedCertificate;
let trust: Trust;
let responder: Responder;
const x509 = ({ certPem }: IssuedCertificate): X509Certificate => new X509Certificate(certPem);
const chainOf = (leaf: IssuedCertificate): PeerChain => ({ leaf: x509(leaf), intermediates: [] });
beforeAll(async () => {
  ca = await createAuthority('OCSP CA', validity);
  stranger = await createAuthority('OCSP CA', validity);
  const leaf = () =>
    issueLeaf(ca, { subject: [{ type: '2.5.4.3', value: 'oran-client' }], purpose: 'client', validity });
  [good, revoked, unheardOf] = await Promise.all([leaf(), leaf(), leaf()]);
  trust = { authorities: [x509(ca)], revocations: NO_REVOCATION_LISTS, staleLists: 'refuse' };
});
beforeEach(async () => {
  responder = await startResponder(ca, { good: [good.certPem], revoked: [revoked.certPem] });
});
afterEach(() => responder.close());

interface Asked {
  readonly checker: OcspChecker;
  readonly answers: string[];
  readonly warnings: string[];
}
function checkerOf(options: Partial<OcspOptions> = {}): Asked {
  const [answers, warnings]: [string[], string[]] = [[], []];
  const log = pino(
    { level: 'warn' },
    { write: (line: string) => warnings.push((JSON.parse(line) as { why: string }).why) },
  );
  const onAnswer = (answer: string): void => {
    answers.push(answer);
  };
  const asked = { mode: 'require', url: responder.url, timeoutMs: PATIENT_MS, log, onAnswer, ...options } as const;
  return { checker: new OcspChecker(asked), answers, warnings };
}
const ask = ({ checker }: Asked, leaf: IssuedCertificate, nowMs = Date.now()): Promise<string | undefined> =>
  checker.fault(chainOf(leaf), trust, nowMs);

/** The chain of one of many certificates, which here are one under many fingerprints: making them takes long. */
const chainNamed = (name: string): PeerChain => ({
  leaf: Object.defineProperty(x509(good), 'fingerprint256', { value: name }),
  intermediates: [],
});

const REVOKED = 'the client certificate has been revoked';
const UNKNOWN = 'the client certificate is not known to its OCSP responder';
const NOBODY_KNOWS = 'nobody can say at present whether the client certificate has been revoked';

describe('a responder that answers', () => {
  it('says what OpenSSL says', async () => {
    for (const mode of ['prefer', 'require'] as const) {
      const asked = checkerOf({ mode });
      expect(await ask(asked, good)).toBeUndefined();
      expect(await ask(asked, revoked)).toBe(REVOKED);
      expect(await ask(asked, unheardOf)).toBe(UNKNOWN);
      expect(asked.answers).toEqual(['good', 'revoked', 'unknown']);
    }
  });

  it('may do so by a certificate that the issuer has made for it', async () => {
    responder.behaviour.signer = await responder.issue('extendedKeyUsage=OCSPSigning\n');
    expect(await ask(checkerOf(), revoked)).toBe(REVOKED);
  });

  it('is named by the certificate, unless a setting names another', async () => {
    const leaf = await responder.issue(
      `authorityInfoAccess=caIssuers;URI:http://127.0.0.1:9/,OCSP;URI:${responder.url}x\n`,
    );
    expect(await ask(checkerOf({ url: undefined }), leaf)).toBe(UNKNOWN);
    expect(responder.asked).toBe(1);
    const elsewhere = await responder.issue('authorityInfoAccess=OCSP;URI:http://127.0.0.1:9/\n');
    expect(await ask(checkerOf(), elsewhere)).toBe(UNKNOWN);
  });

  it('is asked once for many that wait, and again only when its answer has ended', async () => {
    const asked = checkerOf();
    const chains = Array.from({ length: 20 }, () => ask(asked, good));
    expect(new Set(await Promise.all(chains))).toEqual(new Set([undefined]));
    expect(await ask(asked, good)).toBeUndefined();
    expect(responder.asked).toBe(1);
    expect(await ask(asked, good, Date.now() + 6 * MINUTE_MS)).toBeUndefined();
    expect(responder.asked).toBe(2);
  });

  it('is asked again after five minutes, however long its answer is good', async () => {
    responder.behaviour.args = ['-ndays', '3'];
    const asked = checkerOf();
    const startedMs = Date.now();
    await ask(asked, good);
    await ask(asked, good, startedMs + 5 * MINUTE_MS - 1);
    expect(responder.asked).toBe(1);
    await ask(asked, good, Date.now() + 5 * MINUTE_MS);
    expect(responder.asked).toBe(2);
  });

  it('and says nothing of a next update is asked again after ten seconds', async () => {
    responder.behaviour.args = [];
    const asked = checkerOf();
    const startedMs = Date.now();
    await ask(asked, good);
    await ask(asked, good, startedMs + 9_000);
    expect(responder.asked).toBe(1);
    await ask(asked, good, Date.now() + 11_000);
    expect(responder.asked).toBe(2);
  });
});

describe('no answer', () => {
  const answerOf = (status: number, type: string, body: string | Buffer) => () => {
    responder.behaviour.instead = (_request, response) =>
      response.writeHead(status, { 'content-type': type }).end(body);
  };
  const OCSP = 'application/ocsp-response';
  test.each<[what: string, spoil: () => unknown, why: RegExp]>([
    ['garbage', answerOf(200, OCSP, 'good'), /cannot be read/],
    ['nothing', answerOf(200, OCSP, ''), /cannot be read/],
    ['a page', answerOf(200, 'text/html', '<p>good'), /status 200 and text\/html/],
    ['a failure', answerOf(500, OCSP, ''), /status 500/],
    ['that it shall be tried later', answerOf(200, OCSP, Buffer.from('30030a0103', 'hex')), /refuses: try later/],
    ['success and nothing else', answerOf(200, OCSP, Buffer.from('30030a0100', 'hex')), /of a kind that is not known/],
    ['too much', answerOf(200, OCSP, Buffer.alloc(64 * 1024 + 1, 0x30)), /larger than 65536 bytes/],
    [
      'a way elsewhere',
      async () => {
        const answer = await responder.answer(ocspRequest({ certificate: x509(good), issuer: x509(ca) }));
        responder.behaviour.instead = (request, response) => {
          if (request.url === '/') response.writeHead(307, { location: `${responder.url}elsewhere` }).end();
          else response.writeHead(200, { 'content-type': OCSP }).end(answer);
        };
      },
      /./,
    ],
    ['a hang-up', () => (responder.behaviour.instead = (request) => request.socket.destroy()), /./],
    ['a broken signature', () => (responder.behaviour.args = ['-badsig', '-nmin', '5']), /not signed by the issuer/],
    ['a stranger with the name', () => (responder.behaviour.signer = stranger), /not signed by the issuer/],
    ['a leaf of the CA', () => (responder.behaviour.signer = unheardOf), /not signed by the issuer/],
    [
      'a leaf for servers',
      async () => (responder.behaviour.signer = await responder.issue('extendedKeyUsage=serverAuth\n')),
      /not signed by the issuer/,
    ],
    [
      'a responder of a stranger with the name',
      async () => {
        const others = await startResponder(stranger, { good: [], revoked: [] });
        responder.behaviour.signer = await others.issue('extendedKeyUsage=OCSPSigning\nauthorityKeyIdentifier=none\n');
        await others.close();
      },
      /not signed by the issuer/,
    ],
  ])('of %s: refused by require, passed by prefer, and told', async (_what, spoil, why) => {
    await spoil();
    const [require, prefer] = [checkerOf(), checkerOf({ mode: 'prefer' })];
    expect(await ask(require, good)).toBe(NOBODY_KNOWS);
    expect(await ask(prefer, revoked)).toBeUndefined();
    for (const { answers, warnings } of [require, prefer]) {
      expect(answers).toEqual(['none']);
      expect(warnings).toEqual([expect.stringMatching(why)]);
    }
  });

  it('in time is none, and another is not waited for at once', async () => {
    responder.behaviour.instead = () => {};
    const asked = checkerOf({ timeoutMs: 50 });
    expect(await ask(asked, good)).toBe(NOBODY_KNOWS);
    expect(await ask(asked, good)).toBe(NOBODY_KNOWS);
    expect([responder.asked, ...asked.answers]).toEqual([1, 'none']);
    responder.behaviour.instead = undefined;
    const later = checkerOf();
    expect(await ask(later, good)).toBeUndefined();
  });

  it('is asked for again after five seconds', async () => {
    let times = 0;
    const fetch: OcspFetch = async () => {
      times++;
      throw new Error('no answer');
    };
    const asked = checkerOf({ fetch });
    const startedMs = Date.now();
    await ask(asked, good);
    await ask(asked, good, startedMs + 4_999);
    expect(times).toBe(1);
    await ask(asked, good, Date.now() + 5_000);
    expect(times).toBe(2);
  });

  it('is waited for by 64 questions at one time; what is more has none at once', async () => {
    const waiting: (() => void)[] = [];
    const fetch: OcspFetch = () =>
      new Promise((_resolve, reject) => waiting.push(() => reject(new Error('no answer'))));
    const [require, prefer] = [checkerOf({ fetch }), checkerOf({ fetch, mode: 'prefer' })];
    for (const [asked, fault] of [
      [require, NOBODY_KNOWS],
      [prefer, undefined],
    ] as const) {
      const flights = Array.from({ length: 64 }, (_, n) => asked.checker.fault(chainNamed(`${n}`), trust, Date.now()));
      expect(await asked.checker.fault(chainNamed('one more'), trust, Date.now())).toBe(fault);
      expect(waiting).toHaveLength(64);
      for (const end of waiting.splice(0)) end();
      expect(new Set(await Promise.all(flights))).toEqual(new Set([fault]));
    }
  });

  it('is remembered of 4096 certificates, the latest asked about', async () => {
    // None of them names a responder: that is as good an answer to be remembered, and soon had.
    const { checker, answers } = checkerOf({ url: undefined });
    const nowMs = Date.now();
    // One certificate under many fingerprints: parsing as many takes most of a minute.
    const leaf = x509(good);
    const askAll = async (...names: readonly string[]): Promise<number> => {
      const before = answers.length;
      for (const name of names) {
        Object.defineProperty(leaf, 'fingerprint256', { value: name, configurable: true });
        await checker.fault({ leaf, intermediates: [] }, trust, nowMs);
      }
      return answers.length - before;
    };
    expect(await askAll(...Array.from({ length: 4096 }, (_, n) => `${n}`))).toBe(4096);
    expect(await askAll('0', '4095')).toBe(0);
    expect(await askAll('one more')).toBe(1);
    expect(await askAll('0', '2', '4095')).toBe(0);
    expect(await askAll('1')).toBe(1);
  });

  it('is there for a certificate that names no responder, or one that is not http', async () => {
    const asked = checkerOf({ url: undefined });
    expect(await ask(asked, good)).toBe(NOBODY_KNOWS);
    const leaf = await responder.issue('authorityInfoAccess=OCSP;URI:https://127.0.0.1:9/\n');
    expect(await ask(asked, leaf)).toBe(NOBODY_KNOWS);
    expect(asked.warnings).toEqual(Array(2).fill('the certificate names no responder, and --ocsp-url is not set'));
  });

  it('is there from a responder whose own certificate is revoked', async () => {
    const signer = await responder.issue('extendedKeyUsage=OCSPSigning\n');
    responder.behaviour.signer = signer;
    const edition = { number: 1, thisUpdate: new Date(), nextUpdate: validity.notAfter };
    const entry = { serial: x509(signer).serialNumber, reason: 'keyCompromise', at: new Date() } as const;
    const [parsed] = await parseCrls(Buffer.from(await buildCrl(ca, [entry], edition)), 'crl.pem');
    const list = parsed && (await verifyCrl(parsed, 'crl.pem', [x509(ca)], Date.now()));
    const revocations = revocationLists(list === undefined ? [] : [list]);
    expect(revocations.size).toBe(1);
    const { checker } = checkerOf();
    expect(await checker.fault(chainOf(good), { ...trust, revocations }, Date.now())).toBe(NOBODY_KNOWS);
    expect(await checkerOf().checker.fault(chainOf(good), trust, Date.now())).toBeUndefined();
  });

  it('is there for a chain that leads nowhere, and nobody is asked', async () => {
    const { checker } = checkerOf();
    const nowhere = { ...trust, authorities: [x509(stranger)] };
    expect(await checker.fault(chainOf(good), nowhere, Date.now())).toBe(NOBODY_KNOWS);
    expect(responder.asked).toBe(0);
  });
});

describe('a request', () => {
  it('has a nonce of 32 bytes, another one each time, and as long as is set', async () => {
    const requests: Uint8Array[] = [];
    const timeouts: number[] = [];
    const fetch: OcspFetch = (_url, request, timeoutMs) => {
      requests.push(request);
      timeouts.push(timeoutMs);
      throw new Error('that is enough');
    };
    for (let times = 0; times < 2; times++) await ask(checkerOf({ fetch, timeoutMs: 1_234 }), good);
    expect(timeouts).toEqual([1_234, 1_234]);
    const texts = await Promise.all(requests.map((request) => responder.textOf(request)));
    const nonces = texts.map((text) => /OCSP Nonce: *\n *0420([0-9A-F]{64})\n/.exec(text)?.[1]);
    expect(nonces).toEqual([expect.any(String), expect.any(String)]);
    expect(new Set(nonces).size).toBe(2);
  });
});

describe('a response', () => {
  const subject = (leaf: IssuedCertificate) => ({ certificate: x509(leaf), issuer: x509(ca) });

  it('is believed from five minutes before it to its next update', async () => {
    const response = await responder.answer(ocspRequest(subject(good)));
    const { status, thisUpdateMs, nextUpdateMs = 0 } = readOcspResponse(response, subject(good), Date.now());
    expect([status, nextUpdateMs - thisUpdateMs]).toEqual(['good', 5 * MINUTE_MS]);
    const at = (nowMs: number) => () => readOcspResponse(response, subject(good), nowMs).status;
    expect(at(nextUpdateMs)()).toBe('good');
    expect(at(nextUpdateMs + 1)).toThrow('out of date');
    expect(at(thisUpdateMs - 5 * MINUTE_MS)()).toBe('good');
    expect(at(thisUpdateMs - 5 * MINUTE_MS - 1)).toThrow('of the future');
  });

  it('that does not repeat our nonce is believed for a day, whatever its next update', async () => {
    responder.behaviour.args = ['-ndays', '3'];
    const nonce = ocspNonce();
    const [recorded, made] = [
      await responder.answer(ocspRequest(subject(good))),
      await responder.answer(ocspRequest(subject(good), nonce)),
    ];
    const at = (response: Uint8Array, hours: number) => () => {
      const { thisUpdateMs } = readOcspResponse(response, subject(good), Date.now(), { nonce });
      return readOcspResponse(response, subject(good), thisUpdateMs + hours * 60 * MINUTE_MS, { nonce }).status;
    };
    expect([at(recorded, 24)(), at(made, 24)(), at(made, 72)()]).toEqual(Array(3).fill('good'));
    expect(at(recorded, 24.001)).toThrow('out of date');
    expect(at(made, 72.001)).toThrow('out of date');
  });

  it('to another request is refused, played again over the network or not', async () => {
    const recorded = await responder.answer(ocspRequest(subject(good), ocspNonce()));
    const replay = () => readOcspResponse(recorded, subject(good), Date.now(), { nonce: ocspNonce() });
    expect(replay).toThrow('answers another request');
    responder.behaviour.instead = (_request, response) =>
      response.setHeader('content-type', 'application/ocsp-response').end(recorded);
    const asked = checkerOf();
    expect(await ask(asked, good)).toBe(NOBODY_KNOWS);
    expect(asked.warnings).toEqual(['the response answers another request']);
  });

  it('counts as long as the certificate of the responder that signed it is valid', async () => {
    responder.behaviour.args = ['-ndays', '10'];
    responder.behaviour.signer = await responder.issue('extendedKeyUsage=OCSPSigning\n');
    const { validFromDate, validToDate } = x509(responder.behaviour.signer);
    const nonce = ocspNonce();
    const response = await responder.answer(ocspRequest(subject(good), nonce));
    const at = (nowMs: number) => () => readOcspResponse(response, subject(good), nowMs, { nonce }).status;
    expect([at(validFromDate.getTime())(), at(validToDate.getTime())()]).toEqual(['good', 'good']);
    expect(at(validFromDate.getTime() - 1)).toThrow('not signed by the issuer');
    expect(at(validToDate.getTime() + 1)).toThrow('not signed by the issuer');
  });

  it('with bytes behind it cannot be read', async () => {
    const response = await responder.answer(ocspRequest(subject(good)));
    expect(readOcspResponse(response, subject(good), Date.now()).status).toBe('good');
    const more = Buffer.concat([response, Buffer.of(0)]);
    expect(() => readOcspResponse(more, subject(good), Date.now())).toThrow('cannot be read');
  });

  it('has its signer among its first four certificates, or not at all', async () => {
    responder.behaviour.signer = await responder.issue('extendedKeyUsage=OCSPSigning\n');
    const response = await responder.answer(ocspRequest(subject(good)));
    // Certificates stand outside of what is signed.
    const behind = (others: number): Uint8Array => {
      const whole = pkijs.OCSPResponse.fromBER(Uint8Array.from(response));
      const basic = pkijs.BasicOCSPResponse.fromBER(
        Uint8Array.from(whole.responseBytes?.response.valueBlock.valueHexView ?? []),
      );
      const other = pkijs.Certificate.fromBER(pemToDer(unheardOf.certPem));
      basic.certs = [...Array(others).fill(other), ...(basic.certs ?? [])];
      whole.responseBytes = new pkijs.ResponseBytes({
        responseType: '1.3.6.1.5.5.7.48.1.1',
        response: new asn1js.OctetString({ valueHex: basic.toSchema().toBER() }),
      });
      return new Uint8Array(whole.toSchema().toBER());
    };
    expect(readOcspResponse(behind(3), subject(good), Date.now()).status).toBe('good');
    expect(() => readOcspResponse(behind(4), subject(good), Date.now())).toThrow('not signed by the issuer');
  });

  it('without a next update is believed for five minutes', async () => {
    responder.behaviour.args = [];
    const response = await responder.answer(ocspRequest(subject(good)));
    const { thisUpdateMs, nextUpdateMs } = readOcspResponse(response, subject(good), Date.now());
    expect(nextUpdateMs).toBeUndefined();
    expect(() => readOcspResponse(response, subject(good), thisUpdateMs + 5 * MINUTE_MS + 1)).toThrow('out of date');
  });

  it('about one certificate says nothing about another, nor about one of another key of the CA', async () => {
    const response = await responder.answer(ocspRequest(subject(good)));
    expect(() => readOcspResponse(response, subject(revoked), Date.now())).toThrow('not about this certificate');
    const others = { certificate: x509(good), issuer: x509(stranger) };
    expect(() => readOcspResponse(response, others, Date.now())).toThrow(/not signed by the issuer/);
    // What our CA's responder says of somebody with the same serial number under another key of the CA's name.
    const aboutOthers = await responder.answer(ocspRequest(others));
    expect(() => readOcspResponse(aboutOthers, subject(good), Date.now())).toThrow('not about this certificate');
  });

  it('with a byte changed is never believed to say something else', async () => {
    responder.behaviour.signer = await responder.issue('extendedKeyUsage=OCSPSigning\n');
    const response = await responder.answer(ocspRequest(subject(revoked)));
    for (let index = 0; index < response.length; index += 11) {
      const bytes = Uint8Array.from(response);
      bytes[index] = (bytes[index] ?? 0) ^ 0x03;
      let status = 'refused';
      try {
        status = readOcspResponse(bytes, subject(revoked), Date.now()).status;
      } catch (error) {
        expect(error instanceof Error && /^the respon/.test(error.message) ? 'in words' : error).toBe('in words');
      }
      expect(['refused', 'revoked']).toContain(status);
    }
  });
});

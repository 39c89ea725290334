// needs: openssl
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import * as asn1js from 'asn1js';
import { UsageError } from '../../src/errors.ts';
import { createAuthority, type IssuedCertificate } from '../../src/pki/authority.ts';
import { type RevocationList, readCrlFile, verifyCrl } from '../../src/pki/crl-file.ts';
import { derToPem, pemToDer } from '../../src/pki/encoding.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { deltaOf, distributionPoint, listNumber, oddList } from '../support/odd-list.ts';
import { run } from '../support/run.ts';

const MINUTE_MS = 60_000;
const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * MINUTE_MS);
const validity = { notBefore: inMinutes(-60), notAfter: inMinutes(60 * 24) };

let dir: string;
let ca: IssuedCertificate;
let other: IssuedCertificate;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-crl-'));
  ca = await createAuthority('List CA', validity);
  // The same name with another key: as in a roll-over, or a forgery.
  other = await createAuthority('List CA', validity);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

let files = 0;
const put = async (content: string | Uint8Array): Promise<string> => {
  files += 1;
  const file = join(dir, `${files}.crl`);
  await writeFile(file, content);
  return file;
};
const read = async (file: string, ...authorities: readonly string[]): Promise<(RevocationList | undefined)[]> => {
  const trusted = authorities.map((pem) => new X509Certificate(pem));
  const lists = await readCrlFile(file);
  return await Promise.all(lists.map((list) => verifyCrl(list, file, trusted, Date.now())));
};
const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => 'was taken',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error instanceof UsageError ? error.message : '';
};

const edition = { number: 7n, thisUpdate: inMinutes(-1), nextUpdate: inMinutes(60) };

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

/** A list that OpenSSL makes of serials, revoked one second after the other from 2026-01-02 03:04:00 on, and reasons. */
async function opensslList(
  revoked: readonly (readonly [serial: string, reason: string])[],
  newKey: readonly string[] = EC,
  sign: readonly string[] = [],
): Promise<{ readonly pem: string; readonly crt: string }> {
  const home = await mkdtemp(join(dir, 'openssl-'));
  const at = (file: string): string => join(home, file);
  const database = `[d]\ndatabase=${at('index')}\ncrlnumber=${at('number')}\ndefault_md=sha256\ndefault_crl_days=30\n`;
  await writeFile(at('conf'), `[ca]\ndefault_ca=d\n${database}crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n`);
  await writeFile(at('number'), '2A\n');
  const line = ([serial, reason]: readonly [string, string], i: number): string =>
    `R\t300101000000Z\t2601020304${String(i % 60).padStart(2, '0')}Z${reason}\t${serial}\tunknown\t/CN=x${i}\n`;
  await writeFile(at('index'), revoked.map(line).join(''));
  const request = ['req', '-x509', ...newKey, '-nodes', '-keyout', at('key'), '-out', at('crt'), '-days', '3'];
  await run('openssl', [...request, '-subj', '/O=A, B/CN=c']);
  const issue = ['ca', '-gencrl', '-config', at('conf'), '-keyfile', at('key'), '-cert', at('crt'), '-out', at('pem')];
  const { code, stderr } = await run('openssl', [...issue, ...sign]);
  expect(code === 0 ? '' : stderr).toBe('');
  return { pem: at('pem'), crt: at('crt') };
}

describe('a revocation list as OpenSSL makes it', () => {
  const algorithms = [
    ['P-256', EC, []],
    ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-md', 'sha384']],
    ['Ed25519', ['-newkey', 'ed25519'], []],
    ['RSA', ['-newkey', 'rsa:2048'], ['-md', 'sha512']],
    ['RSA-PSS', ['-newkey', 'rsa:2048'], ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32']],
  ] as const;

  test.each(algorithms)('by %s is read as OpenSSL itself prints it, PEM and DER', async (_name, newKey, sign) => {
    const file = await opensslList(
      [
        ['0A', ',keyCompromise'],
        ['00FF', ''],
        ['F0E1D2C3B4A5968778695A4B3C2D1E0F', ',superseded'],
        ['7F', ',certificateHold'],
      ],
      newKey,
      sign,
    );
    const { stdout: text } = await run('openssl', ['crl', '-in', file.pem, '-text']);
    const [der, withText] = [`${file.pem}.der`, await put(text)];
    await run('openssl', ['crl', '-in', file.pem, '-outform', 'der', '-out', der]);

    const authority = new X509Certificate(await readFile(file.crt));
    for (const form of [file.pem, der, withText]) {
      const [list] = await read(form, await readFile(file.crt, 'utf8'));
      expect(list).toMatchObject({
        number: 42n,
        issuer: authority.subject.replaceAll('\n', ','),
        thisUpdateMs: Date.parse(/Last Update: (.+)/.exec(text)?.[1] ?? ''),
        nextUpdateMs: Date.parse(/Next Update: (.+)/.exec(text)?.[1] ?? ''),
      });
      expect(list?.revoked).toEqual(
        new Map([
          ['a', { reason: 1, atMs: Date.UTC(2026, 0, 2, 3, 4, 0) }],
          ['ff', { reason: 0, atMs: Date.UTC(2026, 0, 2, 3, 4, 1) }],
          ['f0e1d2c3b4a5968778695a4b3c2d1e0f', { reason: 4, atMs: Date.UTC(2026, 0, 2, 3, 4, 2) }],
          ['7f', { reason: 6, atMs: Date.UTC(2026, 0, 2, 3, 4, 3) }],
        ]),
      );
    }
  });
});

describe('a file of revocation lists', () => {
  it('may have several, of several issuers, with comments between them', async () => {
    const second = await createAuthority('Second CA', validity);
    const lists = [await buildCrl(ca, [], edition), await buildCrl(second, [], { ...edition, number: 8n })];
    const file = await put(
      `0 is nobody; the root:\n${lists[0]}\n# and the other\n${lists[1]}\n`.replaceAll('\n', '\r\n'),
    );
    const read2 = await read(file, ca.certPem, second.certPem);
    expect(read2.map((list) => [list?.issuer, list?.number])).toEqual([
      ['CN=List CA', 7n],
      ['CN=Second CA', 8n],
    ]);
  });

  it('is verified by whichever of two authorities of one name has signed it', async () => {
    const file = await put(await buildCrl(ca, [], edition));
    const [list] = await read(file, other.certPem, ca.certPem);
    const key = new X509Certificate(ca.certPem).publicKey.export({ type: 'spki', format: 'der' });
    expect(list?.issuerKeyId).toBe(createHash('sha256').update(key).digest('hex'));
  });

  it('of an issuer that nobody knows is told from a false one', async () => {
    const stranger = await createAuthority('Stranger', validity);
    const file = await put(await buildCrl(stranger, [], edition));
    expect(await read(file, ca.certPem)).toEqual([undefined]);
  });

  it('may be of a clock five minutes ahead, and no more', async () => {
    const ahead = (minutes: number) => buildCrl(ca, [], { ...edition, thisUpdate: inMinutes(minutes) });
    expect((await read(await put(await ahead(4)), ca.certPem))[0]).toBeDefined();
    const refused = await refusal(read(await put(await ahead(6)), ca.certPem));
    expect(refused).toMatch(/is of the future \(thisUpdate 20.*\); check this machine's clock/);
  });

  it('of 20,000 revoked certificates is read, and leaves others their turn', async () => {
    const serials = Array.from({ length: 20_000 }, (_, i) => (0x10000000 + i).toString(16));
    const file = await opensslList(serials.map((serial) => [serial, ',superseded']));
    let turns = 0;
    const count = (): void => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    const [list] = await read(file.pem, await readFile(file.crt, 'utf8'));
    clearImmediate(next);
    expect([...(list?.revoked.keys() ?? [])]).toEqual(serials);
    expect(turns).toBeGreaterThan(1);
  });
});

describe('a list is refused', () => {
  const der = async (): Promise<Uint8Array> => pemToDer(await buildCrl(ca, [], edition));
  const pem = (): Promise<string> => buildCrl(ca, [], edition);
  const flipped = async (at: (bytes: Uint8Array) => number): Promise<Uint8Array> => {
    const bytes = Uint8Array.from(await der());
    const index = at(bytes);
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    return bytes;
  };
  const scope = (tag: number): Promise<Uint8Array> => oddList(ca, { extensions: [distributionPoint(tag)] });
  const nothing = new asn1js.Null();

  test.each<[what: string, content: () => Promise<string | Uint8Array>, says: RegExp]>([
    ['empty', async () => '', /has no revocation list in it/],
    ['a text', async () => 'nobody is revoked\n', /has no revocation list in it/],
    ['a certificate', async () => ca.certPem, /has a CERTIFICATE in it/],
    ['a list and a certificate', async () => `${await pem()}${ca.certPem}`, /has a CERTIFICATE in it/],
    ['cut short', async () => (await pem()).slice(0, -40), /cut short or damaged/],
    ['with half a second one', async () => `${await pem()}${(await pem()).slice(0, 12)}`, /cut short or damaged/],
    ['without its first line', async () => (await pem()).slice(5), /has no revocation list in it|cut short/],
    ['of letters that are no base64', async () => (await pem()).replace(/^M/m, '!'), /cut short or damaged/],
    [
      'one of three of letters that are no base64',
      async () => `${await pem()}${(await pem()).replace(/^M/m, '!')}${await pem()}`,
      /cut short or damaged/,
    ],
    ['DER cut short', async () => (await der()).slice(0, -1), /cut short/],
    ['DER with a byte behind', async () => new Uint8Array([...(await der()), 0]), /bytes behind the list/],
    ['PEM with a byte behind', async () => derToPem('X509 CRL', new Uint8Array([...(await der()), 0])), /bytes behind/],
    ['more than 64 lists', async () => (await pem()).repeat(65), /more than 64 lists/],
    ['too large', async () => 'x'.repeat(16 * 1024 * 1024 + 1), /larger than 16777216 bytes/],
    [
      'of a changed signature',
      () => flipped((bytes) => bytes.length - 1),
      /is not signed by any CA certificate of that name/,
    ],
    ['of a changed date', () => flipped((bytes) => Buffer.from(bytes).indexOf('Z') - 1), /is not signed by any CA/],
    ['by another key of the same name', () => buildCrl(other, [], edition), /is not signed by any CA certificate/],
    ['a delta list', () => oddList(ca, { extensions: [deltaOf(1)] }), /is a delta list/],
    ['of one distribution point', () => scope(0), /of one distribution point only/],
    ['of user certificates', () => scope(1), /of user certificates only/],
    ['of CA certificates', () => scope(2), /of CA certificates only/],
    ['of some reasons', () => scope(3), /of some reasons only/],
    ['of several issuers', () => scope(4), /of several issuers \(indirect\) only/],
    ['of attribute certificates', () => scope(5), /of attribute certificates only/],
    [
      'with a critical extension',
      () => oddList(ca, { extensions: [['1.2.3.4', true, nothing]] }),
      /critical extension that is not known/,
    ],
    [
      'with an extension twice',
      () =>
        oddList(ca, {
          extensions: [
            ['1.2.3.4', false, nothing],
            ['1.2.3.4', false, nothing],
          ],
        }),
      /an extension twice/,
    ],
    [
      'with a critical entry extension',
      () => oddList(ca, { entryExtensions: [['1.2.3.4', true, nothing]] }),
      /an entry with a critical/,
    ],
    [
      'with an entry of another issuer',
      () => oddList(ca, { entryExtensions: [['2.5.29.29', true, new asn1js.Sequence()]] }),
      /is an indirect list/,
    ],
    [
      'that takes off',
      () => oddList(ca, { entryExtensions: [['2.5.29.21', false, new asn1js.Enumerated({ value: 8 })]] }),
      /takes certificates off a list/,
    ],
  ])('%s', async (_what, content, says) => {
    const file = await put(await content());
    const message = await refusal(read(file, ca.certPem));
    expect(message.startsWith(file)).toBe(true);
    expect(message).toMatch(says);
  });

  it('by an authority that may not sign lists', async () => {
    const home = await mkdtemp(join(dir, 'no-crl-sign-'));
    const [key, crt] = [join(home, 'key'), join(home, 'crt')];
    const subject = ['-subj', '/CN=List CA', '-addext', 'keyUsage=critical,keyCertSign'];
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', crt];
    await run('openssl', ['req', '-x509', ...newKey, ...subject, '-days', '3']);
    const issuer = { certPem: await readFile(crt, 'utf8'), keyPem: await readFile(key, 'utf8') };
    const file = await put(await buildCrl(issuer, [], edition));
    expect(await refusal(read(file, issuer.certPem))).toMatch(
      /not signed by any CA certificate of that name which may/,
    );
  });

  it('that is missing, a folder, or cut to any length', async () => {
    expect(await refusal(read(join(dir, 'none')))).toMatch(/none is missing; put the revocation list there/);
    expect(await refusal(read(dir))).toMatch(/not a regular file/);
    const whole = await oddList(ca, { extensions: [listNumber(3)] });
    const file = await put(whole);
    expect((await read(file, ca.certPem))[0]?.number).toBe(3n);
    for (let length = whole.length - 1; length > 0; length -= 7) {
      await truncate(file, length);
      expect(await refusal(read(file, ca.certPem))).toMatch(/cut short|cannot be read|no revocation list/);
    }
  });

  it('with a byte changed anywhere: never taken, never another error', async () => {
    const whole = await oddList(ca, {
      extensions: [listNumber(3)],
      entryExtensions: [['2.5.29.21', false, new asn1js.Enumerated({ value: 1 })]],
    });
    for (let index = 0; index < whole.length; index += 1) {
      const bytes = Uint8Array.from(whole);
      bytes[index] = (bytes[index] ?? 0) ^ 0x15;
      const outcome = await read(await put(bytes), ca.certPem).catch((error: unknown) => error);
      // A changed issuer is nobody's; everything else is refused.
      if (!Array.isArray(outcome)) expect(outcome).toBeInstanceOf(UsageError);
      else expect(outcome).toEqual([undefined]);
    }
  });
});

// needs: openssl
import { X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { plainSerial } from '../../src/pki/certificate-facts.ts';
import { readCrlFile } from '../../src/pki/crl-file.ts';
import { inFolder } from '../../src/pki/folder.ts';
import { ensureAuthorities } from '../../src/pki/init.ts';
import { issueInto } from '../../src/pki/issue.ts';
import { listFolder } from '../../src/pki/list.ts';
import { writeLists } from '../../src/pki/lists.ts';
import { buildCrl, REVOCATION_REASONS, type RevocationReason } from '../../src/pki/revocation.ts';
import { revokeIn } from '../../src/pki/revoke.ts';
import { openssl, opensslSays } from '../support/openssl.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-revocation-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);
const init = (issuing = false): Promise<unknown> => inFolder(dir, () => ensureAuthorities(dir, { issuing }));
const client = async (cn: string): Promise<{ serial: string; certificate: X509Certificate }> => {
  const { certificate } = await issueInto(dir, { profile: 'client', cn });
  return { serial: plainSerial(certificate.serialNumber), certificate };
};
const crlText = (): Promise<string> => openssl('crl', '-in', at('crl.pem'), '-noout', '-text');
const checked = (name: string): ReturnType<typeof opensslSays> =>
  opensslSays('verify', '-crl_check_all', '-CRLfile', at('crl.pem'), '-CAfile', at('ca.crt'), at(`${name}.crt`));

/** How OpenSSL names the reasons; unspecified is said by saying nothing. */
const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  keyCompromise: 'Key Compromise',
  cACompromise: 'CA Compromise',
  affiliationChanged: 'Affiliation Changed',
  superseded: 'Superseded',
  cessationOfOperation: 'Cessation Of Operation',
  certificateHold: 'Certificate Hold',
  privilegeWithdrawn: 'Privilege Withdrawn',
  aACompromise: 'AA Compromise',
};

it('writes each reason as OpenSSL reads it, in a list that says who, which and until when', async () => {
  await init();
  const reasons = (Object.keys(REVOCATION_REASONS) as RevocationReason[]).filter((name) => name !== 'removeFromCRL');
  const serials = new Map<string, RevocationReason>();
  for (const reason of reasons) {
    const { serial } = await client(reason);
    serials.set(serial, reason);
    await revokeIn(dir, { serial }, reason, 7);
  }
  const text = await crlText();
  const entries = text.split('Serial Number: ').slice(1);
  expect(entries).toHaveLength(reasons.length);
  for (const entry of entries) {
    const reason = serials.get((entry.split('\n')[0] ?? '').toLowerCase());
    const says = /X509v3 CRL Reason Code:\s+(.*)/.exec(entry)?.[1];
    expect([reason, says]).toEqual([reason, OPENSSL_NAMES[reason ?? '']]);
  }
  expect(text).toMatch(/Version 2/);
  expect(text).toMatch(new RegExp(`CRL Number:\\s+${reasons.length}\\n`));
  const ca = await openssl('x509', '-in', at('ca.crt'), '-noout', '-text');
  const [, identifier = '?'] = /Subject Key Identifier:\s+([0-9A-F:]{59})/.exec(ca) ?? [];
  expect(text).toMatch(new RegExp(`Authority Key Identifier:\\s+${identifier}`));
  const next = Date.parse(/Next Update: (.*)/.exec(text)?.[1] ?? '');
  expect(Math.abs(next - Date.now() - 7 * 86_400_000)).toBeLessThan(120_000);
  expect(await opensslSays('crl', '-in', at('crl.pem'), '-noout', '-verify', '-CAfile', at('ca.crt'))).toMatchObject({
    good: true,
    said: expect.stringContaining('verify OK'),
  });
});

it('makes a list of thousands, which OpenSSL and Passband read alike', async () => {
  await init();
  const ca = { certPem: await readFile(at('ca.crt'), 'utf8'), keyPem: await readFile(at('ca.key'), 'utf8') };
  const serials = Array.from({ length: 5000 }, (_, index) => (0x40_00_00_00n + BigInt(index)).toString(16));
  const [since, nextUpdate] = [new Date(Date.now() - 60_000), new Date(Date.now() + 3_600_000)];
  const revoked = serials.map((serial) => ({ serial, reason: 'keyCompromise' as const, at: since }));
  await writeFile(at('crl.pem'), await buildCrl(ca, revoked, { number: 7, thisUpdate: since, nextUpdate }));
  const listed = [...(await crlText()).matchAll(/Serial Number: ([0-9A-F]+)/g)].map(([, serial = '']) =>
    plainSerial(serial),
  );
  expect(listed).toEqual(serials);
  const [list] = await readCrlFile(at('crl.pem'));
  expect([...(list?.revoked.keys() ?? [])]).toEqual(serials);
  expect(await opensslSays('crl', '-in', at('crl.pem'), '-noout', '-verify', '-CAfile', at('ca.crt'))).toMatchObject({
    good: true,
    said: expect.stringContaining('verify OK'),
  });
});

it('says that nobody is revoked by saying nothing, as RFC 5280 section 5.1.2.6 asks', async () => {
  await init();
  await writeLists(dir);
  expect(await crlText()).toContain('No Revoked Certificates.');
  expect(await openssl('asn1parse', '-in', at('crl.pem'))).not.toMatch(/l= *0 cons: SEQUENCE/);
});

it('puts on hold, takes off hold, and makes a hold final', async () => {
  await init();
  const [{ serial }, other] = [await client('a'), await client('b')];
  await revokeIn(dir, { serial }, 'certificateHold');
  expect(await checked('a')).toMatchObject({ good: false });
  await revokeIn(dir, { serial }, 'removeFromCRL');
  expect(await checked('a')).toMatchObject({ good: true });
  await expect(revokeIn(dir, { serial }, 'removeFromCRL')).rejects.toThrow(
    /is not revoked; only a certificate on hold/,
  );

  await revokeIn(dir, { serial: other.serial }, 'certificateHold');
  await revokeIn(dir, { serial: other.serial }, 'keyCompromise');
  await expect(revokeIn(dir, { serial: other.serial }, 'removeFromCRL')).rejects.toThrow(/for good \(keyCompromise\)/);
  expect(await crlText()).toContain('Key Compromise');
});

it('revokes once: the second time changes neither date nor reason, and writes the list all the same', async () => {
  await init();
  const { serial } = await client('a');
  await revokeIn(dir, { serial }, 'keyCompromise');
  await rm(at('crl.pem'));
  const again = await revokeIn(dir, { serial }, 'superseded');
  expect(again.before?.reason).toBe('keyCompromise');
  expect(await crlText()).toContain('Key Compromise');
  expect(again.written[0]?.number).toBe(2n);
});

describe('with an issuing CA', () => {
  it('crl.pem has both lists, and OpenSSL refuses what a revoked CA has signed', async () => {
    await init(true);
    await client('a');
    await writeLists(dir);
    expect(await checked('a')).toMatchObject({ good: true });
    const issuing = new X509Certificate(await readFile(at('issuing.crt')));
    await revokeIn(dir, { serial: issuing.serialNumber, certificate: issuing }, 'cACompromise');
    expect(await checked('a')).toMatchObject({ good: false, said: expect.stringMatching(/at 1 depth.*revoked/) });
  });

  it('the root’s list is kept while its key is elsewhere, and named while there is none', async () => {
    await init(true);
    const { serial } = await client('a');
    await copyFile(at('ca.key'), at('away.key'));
    await rm(at('ca.key'));
    const lacking = await revokeIn(dir, { serial }, 'superseded');
    expect(lacking.lacking).toEqual(['CN=Passband development CA']);

    await copyFile(at('away.key'), at('ca.key'));
    const both = await writeLists(dir, 7);
    expect(both.lacking).toEqual([]);
    // A root whose key is put away has its list for a year, whatever the other's days.
    expect(both.written.map(({ nextUpdate }) => Math.round((nextUpdate.getTime() - Date.now()) / 86_400_000))).toEqual([
      7, 365,
    ]);
    await rm(at('ca.key'));
    const next = await client('b');
    const after = await revokeIn(dir, { serial: next.serial }, 'superseded');
    expect([after.lacking, after.written.length]).toEqual([[], 1]);
    expect((await readFile(at('crl.pem'), 'utf8')).match(/BEGIN X509 CRL/g)).toHaveLength(2);
    expect(await checked('b')).toMatchObject({ good: false, said: expect.stringContaining('revoked') });
  });

  it('without the root’s key the issuing CA cannot be revoked here', async () => {
    await init(true);
    await rm(at('ca.key'));
    const issuing = new X509Certificate(await readFile(at('issuing.crt')));
    await expect(revokeIn(dir, { serial: issuing.serialNumber, certificate: issuing }, 'cACompromise')).rejects.toThrow(
      /CN=Passband development CA has signed it, and its key is not here/,
    );
  });
});

describe('beside OpenSSL', () => {
  const CONFIG = `
[ca]
default_ca = one
[one]
database = DIR/index.txt
crlnumber = DIR/crlnumber
default_md = sha256
default_crl_days = 5
`;

  it('what its list has is kept, numbers go on, and its certificates are revoked by their file', async () => {
    await init();
    const made = async (name: string): Promise<X509Certificate> => {
      await openssl(
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        at(`${name}.key`),
        '-subj',
        `/CN=${name}`,
        '-out',
        at(`${name}.csr`),
      );
      await openssl(
        'x509',
        '-req',
        '-in',
        at(`${name}.csr`),
        '-CA',
        at('ca.crt'),
        '-CAkey',
        at('ca.key'),
        '-days',
        '9',
        '-out',
        at(`${name}.crt`),
      );
      return new X509Certificate(await readFile(at(`${name}.crt`)));
    };
    const [theirs, ours] = [await made('theirs'), await made('ours')];
    await writeFile(at('openssl.cnf'), CONFIG.replaceAll('DIR', dir));
    await writeFile(at('index.txt'), '');
    await writeFile(at('crlnumber'), '41\n');
    const ca = ['ca', '-config', at('openssl.cnf'), '-cert', at('ca.crt'), '-keyfile', at('ca.key')];
    await openssl(...ca, '-revoke', at('theirs.crt'), '-crl_reason', 'keyCompromise');
    await openssl(...ca, '-gencrl', '-out', at('crl.pem'));

    const { written } = await revokeIn(dir, { serial: ours.serialNumber, certificate: ours }, 'superseded');
    expect(written).toMatchObject([{ number: 0x42n, revoked: 2 }]);
    expect(await checked('theirs')).toMatchObject({ good: false, said: expect.stringContaining('revoked') });
    expect(await checked('ours')).toMatchObject({ good: false, said: expect.stringContaining('revoked') });
    // It is in the index now: the list may go.
    await rm(at('crl.pem'));
    await writeLists(dir);
    expect(await crlText()).toContain('Key Compromise');
    const listed = await listFolder(dir);
    expect(listed.find(({ serial }) => serial === plainSerial(theirs.serialNumber))).toMatchObject({
      known: false,
      name: 'theirs',
      status: 'revoked',
      reason: 'keyCompromise',
    });
  });

  it.each([
    ['of another name stays as it is', '/CN=Other CA', 2],
    ['of the same name, and not by its key, is left out and said', '/CN=Passband development CA', 1],
  ])('another CA’s list in crl.pem %s', async (_what, subject, lists) => {
    await init();
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      at('other.key'),
      '-out',
      at('other.crt'),
      '-subj',
      subject,
      '-days',
      '9',
    );
    await writeFile(at('openssl.cnf'), CONFIG.replaceAll('DIR', dir));
    await writeFile(at('index.txt'), '');
    await writeFile(at('crlnumber'), '07\n');
    await openssl(
      'ca',
      '-config',
      at('openssl.cnf'),
      '-cert',
      at('other.crt'),
      '-keyfile',
      at('other.key'),
      '-gencrl',
      '-out',
      at('crl.pem'),
    );
    const theirs = (await readFile(at('crl.pem'), 'utf8')).trim();
    expect((await writeLists(dir)).dropped).toEqual(lists === 1 ? ['CN=Passband development CA'] : []);
    const { written } = await writeLists(dir);
    expect(written[0]?.number).toBe(2n);
    expect((await readFile(at('crl.pem'), 'utf8')).includes(theirs)).toBe(lists === 2);
    expect((await readFile(at('crl.pem'), 'utf8')).match(/BEGIN X509 CRL/g)).toHaveLength(lists);
  });
});

it('dates no list before the one that it replaces, nor into the future, when a clock was ahead', async () => {
  await init();
  const ca = { certPem: await readFile(at('ca.crt'), 'utf8'), keyPem: await readFile(at('ca.key'), 'utf8') };
  const dated = async (thisUpdate: Date): Promise<number | undefined> => {
    const nextUpdate = new Date(Date.now() + 86_400_000);
    await writeFile(at('crl.pem'), await buildCrl(ca, [], { number: 7, thisUpdate, nextUpdate }));
    await writeLists(dir);
    return (await readCrlFile(at('crl.pem')))[0]?.thisUpdateMs;
  };
  const recent = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000);
  expect(await dated(recent)).toBe(recent.getTime());
  const ahead = new Date(Date.now() + 7_200_000);
  const after = await dated(ahead);
  expect(after).toBeGreaterThan(recent.getTime());
  expect(after).toBeLessThanOrEqual(Date.now());
});

describe('refuses', () => {
  const failure = async (work: Promise<unknown>): Promise<string> => {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    return error instanceof UsageError ? error.message : '';
  };

  test('a serial number that the index does not have, unless told to', async () => {
    await init();
    expect(await failure(revokeIn(dir, { serial: 'c0ffee' }, 'unspecified'))).toMatch(
      /c0ffee is not in .*--not-in-index/,
    );
    await revokeIn(dir, { serial: 'c0ffee', unknownAllowed: true }, 'unspecified');
    expect(await crlText()).toContain('Serial Number: C0FFEE');
  });

  test('a certificate of another CA, and the root itself', async () => {
    await init();
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      at('o.key'),
      '-out',
      at('o.crt'),
      '-subj',
      '/CN=o',
      '-days',
      '9',
    );
    const other = new X509Certificate(await readFile(at('o.crt')));
    expect(await failure(revokeIn(dir, { serial: other.serialNumber, certificate: other }, 'unspecified'))).toMatch(
      /no CA of ca\.crt has signed/,
    );
    const root = new X509Certificate(await readFile(at('ca.crt')));
    for (const target of [{ serial: root.serialNumber, certificate: root }, { serial: root.serialNumber }]) {
      expect(await failure(revokeIn(dir, target, 'unspecified'))).toMatch(
        /a root cannot be revoked by a list of its own/,
      );
    }
  });

  test('to write over a crl.pem that it cannot read', async () => {
    await init();
    await writeFile(at('crl.pem'), 'not a list');
    expect(await failure(writeLists(dir))).toMatch(/crl\.pem has no revocation list in PEM; move it away/);
    await writeFile(at('crl.pem'), '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n');
    expect(await failure(writeLists(dir))).toMatch(/crl\.pem: /);
  });

  test('to sign lists where no key is', async () => {
    await init();
    await rm(at('ca.key'));
    expect(await failure(writeLists(dir))).toMatch(/no key of a CA is in/);
  });
});

// needs: openssl
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from '@jest/globals';
import { pkiCommand } from '../../src/cli/pki.ts';
import { UsageError } from '../../src/errors.ts';
import { cli } from '../support/cli.ts';
import { openssl, opensslSays } from '../support/openssl.ts';

// That an option of the command line comes to where it does something: what is made is looked at, by OpenSSL where it can.

let root: string;
let dir: string;
const at = (name: string): string => join(dir, name);

async function pki(...args: readonly string[]): Promise<string> {
  let written = '';
  const command = pkiCommand();
  for (const each of [command, ...command.commands]) each.configureOutput({ writeOut: (text) => (written += text) });
  await command.parseAsync([...args, '--certs', dir], { from: 'user' });
  return written;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'passband-options-'));
  dir = join(root, 'ca');
  await pki('init', '--ca-only');
});
afterAll(() => rm(root, { recursive: true, force: true }));
afterEach(() => {
  process.exitCode = undefined;
});

const text = (name: string): Promise<string> => openssl('x509', '-in', at(`${name}.crt`), '-noout', '-text');
const lastsDays = async (name: string): Promise<number> => {
  const { validToDate } = new X509Certificate(await readFile(at(`${name}.crt`)));
  return Math.round((validToDate.getTime() - Date.now()) / 86_400_000);
};

const NAMES = [
  ...['--cn', 'du-7', '--o', 'ACME', '--o', 'ACME Radio', '--ou', 'DU', '--ou', 'NOC'],
  ...['--dns', 'du-7.example', '--dns', 'du-7', '--ip', '192.0.2.7', '--ip', '2001:db8::7'],
  ...[
    '--uri',
    'spiffe://ran.example/du/7',
    '--uri',
    'urn:du:7',
    '--email',
    'noc@ran.example',
    '--email',
    'b@c.example',
  ],
];
const SUBJECT = 'Subject: O = ACME, O = ACME Radio, OU = DU, OU = NOC, CN = du-7\n';
const ALT_NAMES =
  'DNS:du-7.example, DNS:du-7, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, ' +
  'URI:spiffe://ran.example/du/7, URI:urn:du:7, email:noc@ran.example, email:b@c.example\n';
const LIST = ['--crl-url', 'http://pki.example/crl.der'];
const LIST_SAID = /CRL Distribution Points:[\s\S]*URI:http:\/\/pki\.example\/crl\.der\n/;

test('issue: every name, as often as it is given, the file, the days, the kind of key and the address of the list', async () => {
  await pki('issue', 'client', ...NAMES, '--name', 'seven', '--days', '9', '--algorithm', 'p384', ...LIST);
  const made = await text('seven');
  expect(made).toContain(SUBJECT);
  expect(made).toContain(ALT_NAMES);
  expect(made).toMatch(/ASN1 OID: secp384r1/);
  expect(made).toMatch(LIST_SAID);
  expect(await lastsDays('seven')).toBe(9);
});

test('issue: p256 and 397 days unless told', async () => {
  await pki('issue', 'client', '--cn', 'plain');
  expect(await text('plain')).toMatch(/ASN1 OID: prime256v1/);
  expect(await lastsDays('plain')).toBe(397);
});

test.each([
  ['server', 'server', /TLS Web Server Authentication\n/],
  ['backend', 'backend', /TLS Web Server Authentication\n/],
  ['gateway', 'gateway', /TLS Web Client Authentication\n/],
  ['client', 'of-profile', /TLS Web Client Authentication\n/],
])('issue %s: %s.crt, for that side of a connection alone', async (profile, name, usage) => {
  await pki('issue', profile, '--cn', 'of-profile', '--dns', 'a.example');
  expect(await text(name)).toMatch(new RegExp(`Extended Key Usage:\\s+${usage.source}`));
  const listed: { name: string; profile: string }[] = JSON.parse(await pki('list', '--json'));
  expect(listed.find((one) => one.name === name)).toMatchObject({ profile });
});

describe('request and sign', () => {
  it('request: names, file, kind of key, and the key that is there', async () => {
    await pki('request', ...NAMES, '--name', 'far', '--algorithm', 'ed25519');
    const request = (): Promise<string> => openssl('req', '-in', at('far.csr'), '-noout', '-text', '-verify');
    expect(await request()).toContain(SUBJECT);
    expect(await request()).toContain(ALT_NAMES);
    expect(await request()).toMatch(/ED25519 Public-Key/);
    const key = await readFile(at('far.key'));
    await rm(at('far.csr'));
    expect(await pki('request', '--cn', 'again', '--name', 'far', '--same-key')).toMatch(/^used .*far\.key\n/);
    expect(await readFile(at('far.key'))).toEqual(key);
    expect(await request()).toMatch(/Subject: CN = again\n[\s\S]*ED25519 Public-Key/);
  });

  it('sign: what replaces names, the file, the days, the address of the list, and what was not taken', async () => {
    const config = join(root, 'req.cnf');
    await writeFile(config, '[req]\ndistinguished_name = dn\n[dn]\n');
    await openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('r.key')],
      ...['-subj', '/CN=asked', '-addext', 'keyUsage=keyCertSign', '-config', config, '-out', at('r.csr')],
    );
    const said = await pki(
      ...['sign', at('r.csr'), '--profile', 'client', '--name', 'signed', '--days', '8', ...NAMES, ...LIST],
    );
    expect(said).toMatch(/^not taken from the request: key usage$/m);
    const made = await text('signed');
    expect(made).toContain(SUBJECT);
    expect(made).toContain(ALT_NAMES);
    expect(made).toMatch(LIST_SAID);
    expect(await lastsDays('signed')).toBe(8);
  });
});

test('renew: the days, the same key, and another kind of key', async () => {
  await pki('issue', 'client', '--cn', 'old', '--days', '20');
  const key = (): Promise<string> => openssl('x509', '-in', at('old.crt'), '-noout', '-pubkey');
  const first = await key();
  await pki('renew', 'old', '--same-key', '--days', '33');
  expect([await key(), await lastsDays('old')]).toEqual([first, 33]);
  await pki('renew', 'old', '--algorithm', 'p384');
  expect(await text('old')).toMatch(/ASN1 OID: secp384r1/);
  expect([await key(), await lastsDays('old')]).not.toEqual([first, 33]);
});

describe('lists', () => {
  const nextDays = async (): Promise<number> => {
    const said = await openssl('crl', '-in', at('crl.pem'), '-noout', '-nextupdate');
    return Math.round((Date.parse(said.replace('nextUpdate=', '')) - Date.now()) / 86_400_000);
  };

  test('revoke and crl: the days until the next list, 30 unless told', async () => {
    await pki('revoke', 'c0ffee', '--not-in-index', '--days', '4');
    expect(await openssl('crl', '-in', at('crl.pem'), '-noout', '-text')).toContain('Serial Number: C0FFEE\n');
    expect(await nextDays()).toBe(4);
    await pki('crl', '--days', '6');
    expect(await nextDays()).toBe(6);
    await pki('crl');
    expect(await nextDays()).toBe(30);
  });

  test('show: a list in DER, and that it is out of date when it is', async () => {
    await pki('crl');
    await openssl('crl', '-in', at('crl.pem'), '-outform', 'DER', '-out', at('crl.der'));
    const shown = await pki('show', at('crl.der'));
    expect(shown).toBe(await pki('show', at('crl.pem')));
    expect(shown).toMatch(/^revocation list of {2}CN=Passband development CA$/m);
    expect(shown).not.toContain('(out of date)');
    await writeFile(at('index.txt'), '');
    await writeFile(at('number'), '09\n');
    await writeFile(
      at('ca.cnf'),
      `[ca]\ndefault_ca = one\n[one]\ndatabase = ${at('index.txt')}\ncrlnumber = ${at('number')}\ndefault_md = sha256\n`,
    );
    const past = ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200201000000Z'];
    const ca = ['ca', '-config', at('ca.cnf'), '-cert', at('ca.crt'), '-keyfile', at('ca.key')];
    await openssl(...ca, '-gencrl', ...past, '-out', at('stale.pem'));
    expect(await pki('show', at('stale.pem'))).toMatch(/^next update +2020-02-01T00:00:00\.000Z \(out of date\)$/m);
  });
});

test('show: a request in DER', async () => {
  await pki('request', '--cn', 'der');
  await openssl('req', '-in', at('der.csr'), '-outform', 'DER', '-out', at('der.der'));
  expect(await pki('show', at('der.der'))).toMatch(/^request +signed with its own key\nsubject +CN=der$/m);
});

test('verify: the side, the host and the days are asked for', async () => {
  await pki('issue', 'client', '--cn', 'asked', '--dns', 'asked.example', '--days', '5');
  const verdict = async (...flags: readonly string[]): Promise<[code: unknown, said: string]> => {
    process.exitCode = undefined;
    const said = await pki('verify', 'asked', ...flags);
    return [process.exitCode, said];
  };
  const good = ['--for', 'client', '--host', 'asked.example', '--min-days', '4'];
  expect(await verdict(...good)).toEqual([undefined, expect.stringContaining('asked.crt: good')]);
  for (const [flags, says] of [
    [['--for', 'server'], /wrong: .*lacks serverAuth/],
    [['--host', 'other.example'], /wrong: it is not for other\.example/],
    [['--min-days', '6'], /wrong: it has \d days left, fewer than the 6/],
  ] as const) {
    expect(await verdict(...flags)).toEqual([1, expect.stringMatching(says)]);
  }
});

test('verify: the program ends with 1 when something is wrong, and with 0 when all is good', async () => {
  await pki('issue', 'client', '--cn', 'judged', '--days', '5');
  const verify = (...flags: readonly string[]) => cli(['pki', 'verify', 'judged', ...flags, '--certs', dir]);
  const good = await verify('--for', 'client');
  expect([good.code, good.stdout]).toEqual([0, expect.stringContaining('judged.crt: good')]);
  const bad = await verify('--for', 'server');
  expect([bad.code, bad.stdout]).toEqual([1, expect.stringMatching(/wrong: .*lacks serverAuth/)]);
});

describe('export', () => {
  const opens = async (file: string, password: string): Promise<boolean> =>
    (await opensslSays('pkcs12', '-in', file, '-passin', `pass:${password}`, '-noout')).good;

  it('goes where it is told, under the password of the file, and under no other', async () => {
    await pki('issue', 'client', '--cn', 'packed');
    const [file, secret] = [join(root, 'x.p12'), join(root, 'secret')];
    await writeFile(secret, 'hush hush\r\nsecond line\n');
    await pki('export', 'packed', '--p12', '--out', file, '--password-file', secret);
    expect([await opens(file, 'hush hush'), await opens(file, 'second line')]).toEqual([true, false]);
  });

  it('is opened by the password that it says', async () => {
    const [, password = ''] = /its password is: (\S+)/.exec(await pki('export', 'packed', '--p12')) ?? [];
    expect([await opens(at('packed.p12'), password), await opens(at('packed.p12'), 'x')]).toEqual([true, false]);
  });

  it('takes no password that importers would read differently', async () => {
    const secret = join(root, 'umlaut');
    await writeFile(secret, 'geheim\u00fc\n');
    const refused = pki('export', 'packed', '--p12', '--out', join(root, 'y.p12'), '--password-file', secret);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
  });
});

test('init: another folder is another CA, and the kind of key is that of all CAs and of no leaf unless told', async () => {
  const other = join(root, 'other');
  const command = pkiCommand();
  for (const each of [command, ...command.commands]) each.configureOutput({ writeOut: () => {} });
  const flags = ['--issuing', '--algorithm', 'rsa2048', '--cn', 'Other', '--days', '77'];
  await command.parseAsync(['init', ...flags, '--certs', other], { from: 'user' });
  for (const [file, says] of [
    ['ca', /Subject: CN = Other\n[\s\S]*Public-Key: \(2048 bit\)/],
    ['issuing', /Subject: CN = Other issuing\n[\s\S]*Public-Key: \(2048 bit\)/],
    ['client', /Subject: CN = oran-client\n[\s\S]*ASN1 OID: prime256v1/],
  ] as const) {
    expect(await openssl('x509', '-in', join(other, `${file}.crt`), '-noout', '-text')).toMatch(says);
  }
  const ours = ['verify', '-CAfile', at('ca.crt'), join(other, 'client.crt')];
  expect((await opensslSays(...ours)).good).toBe(false);
});

test('list: what is expired, on hold or revoked is said so, the next to end first, for people and for programs', async () => {
  await rm(at('crl.pem'));
  for (const cn of ['held', 'gone', 'over']) await pki('issue', 'client', '--cn', cn, '--days', '3');
  await pki('revoke', 'held', '--reason', 'certificateHold');
  await pki('revoke', 'gone', '--reason', 'keyCompromise');
  // A day that is over: the index alone says until when.
  const index = await readFile(at('index.jsonl'), 'utf8');
  const past = index.replace(/("cn":"over","notAfter":")[^"]+/, '$12020-01-02T00:00:00.000Z');
  await writeFile(at('index.jsonl'), past);
  const listed: Record<string, unknown>[] = JSON.parse(await pki('list', '--json'));
  const of = (cn: string): Record<string, unknown> | undefined => listed.find((one) => one.cn === cn);
  const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(of('held')).toMatchObject({ status: 'on hold', reason: 'certificateHold', revokedAt: since });
  expect(of('gone')).toMatchObject({ status: 'revoked', reason: 'keyCompromise', revokedAt: since });
  expect(of('over')).toEqual({
    ...{ serial: expect.stringMatching(/^40[0-9a-f]{32}$/), cn: 'over', name: 'over', profile: 'client' },
    ...{ notAfter: '2020-01-02T00:00:00.000Z', status: 'expired', known: true, present: true },
  });
  const ends = listed.map(({ notAfter }) => String(notAfter));
  expect(ends).toEqual([...ends].sort());
  const table = await pki('list');
  expect(table.split('\n')[0]).toMatch(/^SERIAL +CN +PROFILE +NOT AFTER +STATUS +FILE$/);
  for (const line of [/ held .*on hold \(certificateHold\)/, / gone .*revoked \(keyCompromise\)/, / over .*expired/]) {
    expect(table).toMatch(line);
  }
});

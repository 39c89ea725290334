import { access, copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from '@jest/globals';
import { type Command, CommanderError } from 'commander';
import { pkiCommand } from '../../src/cli/pki.ts';
import { UsageError } from '../../src/errors.ts';
import { REVOCATION_REASONS } from '../../src/pki/revocation.ts';

let root: string;
let dir: string;
const at = (name: string): string => join(dir, name);

/** Runs a verb in a folder, and gives what it says. */
async function pki(...args: readonly string[]): Promise<string> {
  let written = '';
  const command = pkiCommand();
  const quiet = (each: Command): void => {
    each
      .exitOverride()
      .configureOutput({ writeOut: (text) => (written += text), writeErr: (text) => (written += text) });
    each.commands.forEach(quiet);
  };
  quiet(command);
  await command.parseAsync(args, { from: 'user' }).catch((error: unknown) => {
    if (!(error instanceof CommanderError && error.code === 'commander.helpDisplayed')) throw error;
  });
  return written;
}
const here = (...args: readonly string[]): Promise<string> => pki(...args, '--certs', dir);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'passband-verbs-'));
  dir = join(root, 'ca');
  await here('init', '--ca-only', '--issuing', '--cn', 'ACME', '--algorithm', 'p384', '--days', '500');
});
afterAll(() => rm(root, { recursive: true, force: true }));
afterEach(() => {
  process.exitCode = undefined;
});

it('init makes CAs alone, by name, kind and days, and nothing the second time', async () => {
  expect(await here('show', at('ca.crt'))).toMatch(
    /^subject +CN=ACME$[\s\S]*^key +p384$[\s\S]*\(499 days left\)[\s\S]*^subject +CN=ACME issuing$/m,
  );
  await expect(access(at('client.crt'))).rejects.toThrow();
  expect(await here('init', '--ca-only', '--issuing')).toBe(`${dir} has everything already; nothing was touched\n`);
  await expect(here('init', '--ca-only', '--cn', 'X')).rejects.toThrow(UsageError);
});

it('a life: issued, listed, verified, exported, renewed, revoked', async () => {
  const made = await here('issue', 'client', '--cn', 'noc-1', '--ou', 'NOC', '--uri', 'spiffe://a/b', '--days', '30');
  expect(made).toContain(
    `made ${at('noc-1.crt')}\nmade ${at('noc-1.key')}\nsubject    OU=NOC, CN=noc-1\nnames      URI:spiffe://a/b\n`,
  );
  const serial = /^serial +(40[0-9a-f]{32})$/m.exec(made)?.[1] ?? '';
  expect(await here('list')).toMatch(
    new RegExp(`^${serial}  noc-1 +client +\\d{4}-\\d\\d-\\d\\d  valid +noc-1\\.crt$`, 'm'),
  );
  expect(JSON.parse(await here('list', '--json'))).toContainEqual(
    expect.objectContaining({ serial, cn: 'noc-1', status: 'valid', known: true, present: true }),
  );
  expect(await here('verify', 'noc-1')).toMatch(/noc-1\.crt: good \(OU=NOC,CN=noc-1\)/);
  expect(process.exitCode).toBeUndefined();

  expect(await here('export', 'noc-1', '--p12')).toMatch(/^made .*noc-1\.p12\nits password is: [A-Za-z0-9]{16}\n$/);
  expect((await stat(at('noc-1.p12'))).mode & 0o777).toBe(0o600);
  const secret = join(root, 'secret');
  await writeFile(secret, 'hush\n');
  expect(await here('export', 'noc-1', '--p12', '--out', join(root, 'x.p12'), '--password-file', secret)).toBe(
    `made ${join(root, 'x.p12')}\n`,
  );

  expect(await here('renew', 'noc-1', '--days', '40')).toMatch(
    new RegExp(`the old one \\(serial ${serial}\\) is good until`),
  );
  expect(await here('list')).toMatch(new RegExp(`^${serial}  noc-1 +client .* valid +-$`, 'm'));

  const revoked = await here('revoke', serial, '--reason', 'superseded');
  expect(revoked).toMatch(
    new RegExp(
      `^revoked ${serial} \\(superseded\\)\n.*crl\\.pem: list 1 of CN=ACME issuing, 1 revoked, next update by`,
    ),
  );
  expect(await here('revoke', serial)).toMatch(/was revoked already \(superseded, 2/);
  expect(await here('list')).toMatch(new RegExp(`^${serial}  .*  revoked \\(superseded\\)  -$`, 'm'));
  expect(await here('revoke', 'noc-1', '--reason', 'certificateHold')).toMatch(/\(certificateHold\)/);
  expect(await here('verify', at('noc-1.crt'))).toMatch(/NOT GOOD[\s\S]*wrong: .*has been revoked \(certificateHold/);
  expect(process.exitCode).toBe(1);
  expect(await here('revoke', 'noc-1', '--reason', 'removeFromCRL')).toMatch(/^taken off hold: /);

  expect(await here('crl', '--days', '3')).toMatch(/list 5 of CN=ACME issuing, 1 revoked/);
  const shown = await here('show', at('crl.pem'));
  expect(shown).toMatch(/^revocation list of {2}CN=ACME issuing$[\s\S]*^number +5$[\s\S]*^revoked +1$/m);
  expect(shown).toMatch(new RegExp(`^  ${serial}  .*Z  superseded$`, 'm'));
});

it('a request goes away and comes back, and shows no control characters of its maker', async () => {
  const far = join(root, 'far');
  expect(await pki('request', '--cn', 'du-7', '--dns', 'du-7.example', '--certs', far)).toBe(
    `made ${join(far, 'du-7.key')}\nmade ${join(far, 'du-7.csr')}; send it to whoever has the CA\n`,
  );
  expect(await here('show', join(far, 'du-7.csr'))).toMatch(
    /^request +signed with its own key\nsubject +CN=du-7\nalternative names +DNS:du-7\.example$/m,
  );
  const signed = await here('sign', join(far, 'du-7.csr'), '--profile', 'client', '--days', '9');
  expect(signed).toMatch(/^made .*du-7\.crt\nsubject +CN=du-7\nnames +DNS:du-7\.example\n/);
  await expect(access(at('du-7.key'))).rejects.toThrow();
  const replaced = await here(
    'sign',
    join(far, 'du-7.csr'),
    '--profile',
    'server',
    '--cn',
    'gw',
    '--ip',
    '192.0.2.1',
    '--name',
    'gw',
    '--days',
    '400',
  );
  expect(replaced).toMatch(
    /subject +CN=gw\nnames +IP Address:192\.0\.2\.1\n[\s\S]*browsers refuse server certificates of more than 398 days/,
  );
});

test('a CSR that wants to move the cursor is shown as text', async () => {
  const { buildRequest } = await import('../../src/pki/requests.ts');
  const { newKey } = await import('../../src/pki/keys.ts');
  const file = join(root, 'evil.csr');
  await writeFile(
    file,
    await buildRequest(await newKey('p256'), [{ type: '2.5.4.3', value: 'a\u001b[2Jb\u202ec' }], {}),
  );
  expect(await here('show', file)).toContain('subject             CN=a\\u{1b}[2Jb\\u{202e}c\n');
  await expect(here('sign', file, '--profile', 'client')).rejects.toThrow(/control characters/);
});

test.each<[string, readonly string[], RegExp]>([
  [
    'no address of a list',
    ['issue', 'client', '--cn', 'x', '--crl-url', 'ldap:x'],
    /--crl-url "ldap:x": give an address/,
  ],
  ['no CN', ['issue', 'client'], /give the common name with --cn/],
  [
    'days that are none',
    ['issue', 'client', '--cn', 'x', '--days', '1.5'],
    /--days 1\.5: give a number of days from 1 to/,
  ],
  ['no days', ['crl', '--days', '0'], /--days 0: give a number/],
  ['days without end', ['crl', '--days', '99999'], /--days 99999/],
  ['a serial that is none', ['revoke', 'nobody'], /nobody is no file, no name in .*, and no serial number/],
  ['a serial of nobody', ['revoke', '0xC0:FF:EE'], /serial c0ffee is not in this folder's index/],
  ['a request that is not there', ['sign', 'none.csr', '--profile', 'client'], /none\.csr cannot be read/],
  ['half a subject', ['sign', 'none.csr', '--profile', 'client', '--ou', 'x'], /together with --cn; give that too/],
  ['a kind for a key that stays', ['renew', 'x', '--same-key', '--algorithm', 'p256'], /leave --algorithm out/],
  ['renewing what is not there', ['renew', 'nobody'], /nobody\.crt is missing/],
  ['verifying what is not there', ['verify', 'nobody'], /nobody is no file, and no name in/],
  ['exporting what is not there', ['export', 'nobody', '--p12'], /nobody\.crt is missing/],
])('%s is refused with the remedy', async (_what, args, says) => {
  const error: unknown = await here(...args).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toHaveProperty('message', expect.stringMatching(says));
});

describe('where there is no CA', () => {
  /** Verbs that need one. */
  const VERBS: readonly (readonly string[])[] = [
    ['issue', 'client', '--cn', 'x'],
    ['sign', 'REQUEST', '--profile', 'client'],
    ['renew', 'noc-1'],
    ['revoke', 'CERTIFICATE'],
    ['revoke', 'noc-1'],
    ['revoke', 'c0ffee', '--not-in-index'],
    ['crl'],
    ['list'],
  ];
  const files: Record<string, string> = {};
  beforeAll(async () => {
    const elsewhere = join(root, 'elsewhere');
    await pki('request', '--cn', 'du-8', '--certs', elsewhere);
    Object.assign(files, { REQUEST: join(elsewhere, 'du-8.csr'), CERTIFICATE: at('ca.crt') });
  });
  const refused = async (verb: readonly string[], folder: string): Promise<void> => {
    const args = verb.map((arg) => files[arg] ?? arg);
    const error: unknown = await pki(...args, '--certs', folder).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    const says = `no CA here: ${join(folder, 'ca.crt')} is missing; make a CA with \`passband pki init --certs ${folder}\``;
    expect(error).toHaveProperty('message', expect.stringContaining(says));
  };

  test.each(VERBS.filter(([verb]) => verb !== 'list'))('%s %s makes no folder of a mistyped name', async (...verb) => {
    const mistyped = join(root, 'mistyped');
    await refused(verb, mistyped);
    await expect(access(mistyped)).rejects.toThrow('ENOENT');
  });

  test.each(VERBS)('%s %s puts nothing into a folder, and says that it has no CA', async (...verb) => {
    const empty = await mkdtemp(join(root, 'empty-'));
    await refused(verb, empty);
    expect(await readdir(empty)).toEqual([]);
  });

  it.each([['show'], ['verify'], ['export', '--p12']])('%s makes no folder either', async (...verb) => {
    const mistyped = join(root, 'mistyped');
    await expect(pki(...verb, 'nobody', '--certs', mistyped)).rejects.toBeInstanceOf(UsageError);
    await expect(access(mistyped)).rejects.toThrow('ENOENT');
  });

  it('list shows what lies in a folder of a CA without an index, as one of other tools is', async () => {
    const foreign = await mkdtemp(join(root, 'foreign-'));
    await copyFile(at('ca.crt'), join(foreign, 'ca.crt'));
    expect(await pki('list', '--certs', foreign)).toMatch(/ACME +- .*ca\.crt \(unknown to this CA's index\)/);
    await expect(pki('list', '--certs', join(root, 'mistyped'))).rejects.toThrow(
      /no folder that can be read; name one/,
    );
  });
});

test.each<[string, readonly string[]]>([
  ['a profile that is none', ['issue', 'admin', '--cn', 'x']],
  ['a reason that is none', ['revoke', 'noc-1', '--reason', 'boredom']],
  ['a kind of key that is none', ['issue', 'client', '--cn', 'x', '--algorithm', 'rsa1024']],
  ['a request without a profile', ['sign', 'x.csr']],
  ['an archive of no kind', ['export', 'noc-1']],
])('%s is refused by the command line', async (_what, args) => {
  await expect(here(...args)).rejects.toBeInstanceOf(CommanderError);
});

it('help names every reason, every kind of key and who refuses which', async () => {
  const help = await pki('revoke', '--help');
  for (const reason of Object.keys(REVOCATION_REASONS)) expect(help).toContain(reason);
  expect(help).toMatch(/within a second/);
  expect(help).toMatch(/keeps its reason, whatever is given later/);
  expect(await pki('issue', '--help')).toMatch(/ed25519[\s\S]*refused by browsers/);
  for (const verb of [
    'init',
    'issue',
    'request',
    'sign',
    'renew',
    'revoke',
    'crl',
    'list',
    'show',
    'verify',
    'export',
  ]) {
    expect(await pki('--help')).toMatch(new RegExp(`^  ${verb} `, 'm'));
  }
});

it('the journal has no key in it', async () => {
  expect(await readFile(at('index.jsonl'), 'utf8')).not.toMatch(/PRIVATE|MII/);
  expect((await stat(at('issuing.key'))).mode & 0o777).toBe(0o600);
});

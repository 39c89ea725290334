import { X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { UsageError } from '../../src/errors.ts';
import { noLog } from '../../src/observability/log.ts';
import { createAuthority, type IssuedCertificate } from '../../src/pki/authority.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { checkKey } from '../../src/pki/tls-files.ts';
import { openReloadable } from '../../src/trust/files.ts';
import { loadMaterial, type Material, materialFiles } from '../../src/trust/material.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';

type Names = 'server' | 'gateway';
const NAMES: readonly Names[] = ['server', 'gateway'];
const MINUTE_MS = 60_000;
const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * MINUTE_MS);

let pki: TestPki;
let ca: IssuedCertificate;
let otherCa: IssuedCertificate;
let dir: string;
beforeAll(async () => {
  pki = await makeTestPki();
  ca = await pki.pair('ca');
  otherCa = await createAuthority('Other CA', { notBefore: inMinutes(-60), notAfter: inMinutes(600) });
});
afterAll(() => pki.remove());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-material-'));
  const files = ['ca.crt', ...NAMES.flatMap((name) => [`${name}.crt`, `${name}.key`])];
  for (const file of files) await copyFile(join(pki.dir, file), join(dir, file));
});
afterEach(() => rm(dir, { recursive: true, force: true }));
const at = (name: string): string => join(dir, name);

const REFUSE = { crlFiles: [], staleLists: 'refuse' } as const;
const load = (before?: Material<Names>, crlFiles: readonly string[] = []): Promise<Material<Names>> =>
  loadMaterial(dir, NAMES, { ...REFUSE, crlFiles }, before);
const list = (issuer: IssuedCertificate, number: number, minutesAgo = 10 - number): Promise<string> =>
  buildCrl(issuer, [{ serial: '0a', reason: 'superseded', at: inMinutes(-30) }], {
    number,
    thisUpdate: inMinutes(-minutesAgo),
    nextUpdate: inMinutes(60),
  });
const leafOf = (certPem: string): [X509Certificate, string] => [new X509Certificate(certPem), ''];
const refusal = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => 'was taken',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error instanceof UsageError ? error.message : '';
};

describe('material', () => {
  it('has every pair, the authorities, and no lists where there is no crl.pem', async () => {
    const { tls, trust } = await load();
    expect(Object.keys(tls)).toEqual(NAMES);
    expect(tls.gateway.certPem).toBe(await readFile(at('gateway.crt'), 'utf8'));
    expect(trust.authorities.map(({ subject }) => subject)).toEqual(['CN=Passband development CA']);
    expect([trust.revocations.size, trust.staleLists]).toEqual([0, 'refuse']);
  });

  it('has old and new authorities side by side, and the list of each', async () => {
    await writeFile(at('ca.crt'), `${ca.certPem}${otherCa.certPem}`);
    await writeFile(at('crl.pem'), `${await list(ca, 1)}${await list(otherCa, 2)}`);
    const { trust } = await load();
    expect(trust.authorities).toHaveLength(2);
    expect(trust.revocations.named('CN=Other CA').map(({ number }) => number)).toEqual([2n]);
    expect(trust.revocations.named('CN=Passband development CA').map(({ number }) => number)).toEqual([1n]);
    expect(trust.revocations.named('CN=Nobody')).toEqual([]);
  });

  it('keeps the latest of several lists of one issuer', async () => {
    await writeFile(at('crl.pem'), `${await list(ca, 2)}${await list(ca, 3)}${await list(ca, 1)}`);
    expect((await load()).trust.revocations.lists.map(({ number }) => number)).toEqual([3n]);
  });

  it('takes lists from the files that are named, which must be there, and not from crl.pem then', async () => {
    await writeFile(at('crl.pem'), 'nonsense');
    await writeFile(at('a.crl'), await list(ca, 4));
    const { trust } = await load(undefined, [at('a.crl')]);
    expect(trust.revocations.lists.map(({ number }) => number)).toEqual([4n]);
    expect(await refusal(load(undefined, [at('a.crl'), at('b.crl')]))).toBe(
      `${at('b.crl')} is missing; put the revocation list there`,
    );
    expect(materialFiles(dir, NAMES, { crlFiles: [at('a.crl')] })).toEqual(
      ['ca.crt', 'server.crt', 'server.key', 'gateway.crt', 'gateway.key', 'a.crl'].map(at),
    );
    expect(materialFiles(dir, ['server'], REFUSE).at(-1)).toBe(at('crl.pem'));
  });

  it('refuses a list of an issuer that is not trusted', async () => {
    await writeFile(at('crl.pem'), await list(otherCa, 1));
    expect(await refusal(load())).toMatch(/crl\.pem has a list of an issuer that is not in ca\.crt; add its CA/);
  });

  it('looks at the signature of a list before it reads whom that revokes', async () => {
    const pem = await list({ ...otherCa, certPem: ca.certPem }, 1);
    const der = Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64');
    // The serial number of the one who is revoked, made something that is none: whoever reads on says so.
    const serial = der.lastIndexOf(Buffer.from('02010a', 'hex'));
    expect(serial).toBeGreaterThan(0);
    der[serial] = 0x04;
    await writeFile(at('crl.pem'), der);
    expect(await refusal(load())).toMatch(/crl\.pem: the list of .* is not signed by any CA certificate/);
  });

  it('refuses what cannot be a pair', async () => {
    await copyFile(at('server.key'), at('gateway.key'));
    expect(await refusal(load())).toMatch(/gateway\.key is not the key of .*gateway\.crt/);
  });
});

describe('material that is read again', () => {
  it('is the same object when nothing is new, and keeps the parts that are not', async () => {
    await writeFile(at('crl.pem'), await list(ca, 1));
    const first = await load();
    expect(await load(first)).toBe(first);

    const renewed = await pki.issue({ cn: 'gateway' });
    await writeFile(at('gateway.crt'), renewed.certPem);
    await writeFile(at('gateway.key'), renewed.keyPem);
    const second = await load(first);
    expect(second.tls.gateway.certPem).toBe(renewed.certPem);
    expect([second.tls.server === first.tls.server, second.trust === first.trust]).toEqual([true, true]);

    await writeFile(at('crl.pem'), await list(ca, 2));
    const third = await load(second);
    expect([third.tls.gateway === second.tls.gateway, third.trust === second.trust]).toEqual([true, false]);
    expect(third.trust.authorities).toBe(second.trust.authorities);
  });

  test.each<[what: string, change: () => Promise<unknown>, says: RegExp]>([
    ['its file is deleted', () => rm(at('crl.pem')), /crl\.pem has lost the list of CN=Passband development CA/],
    ['its file is empty', () => writeFile(at('crl.pem'), ''), /has no revocation list in it/],
    ['only the other list is left', async () => writeFile(at('crl.pem'), await list(otherCa, 5)), /has lost the list/],
    [
      'the list is an earlier one',
      async () => writeFile(at('crl.pem'), await list(ca, 4)),
      /earlier list of .*number 4.*in use \(number 5/,
    ],
    ['the number is lower', async () => writeFile(at('crl.pem'), await list(ca, 4, 1)), /an earlier list/],
    [
      'the number is the same and the moment earlier',
      async () => writeFile(at('crl.pem'), await list(ca, 5, 60)),
      /an earlier list/,
    ],
  ])('un-revokes nobody when %s', async (_what, change, says) => {
    await writeFile(at('ca.crt'), `${ca.certPem}${otherCa.certPem}`);
    await writeFile(at('crl.pem'), `${await list(ca, 5)}${await list(otherCa, 5)}`);
    const used = await load();
    await change();
    const message = await refusal(load(used));
    expect(message.startsWith(at('crl.pem'))).toBe(true);
    expect(message).toMatch(says);
  });

  it('takes a list of a higher number whose moment is earlier: the clock of its CA was put right', async () => {
    const edition = { number: 5, thisUpdate: inMinutes(4), nextUpdate: inMinutes(60) };
    await writeFile(at('crl.pem'), await buildCrl(ca, [], edition));
    const used = await load();
    const later = await list(ca, 6, 60);
    for (const text of [
      later,
      `${await buildCrl(ca, [], edition)}${later}`,
      `${later}${await buildCrl(ca, [], edition)}`,
    ]) {
      await writeFile(at('crl.pem'), text);
      const [now] = (await load(used)).trust.revocations.lists;
      expect([now?.number, now?.revoked.has('a')]).toEqual([6n, true]);
    }
  });

  it('lets a list go with its authority, whether the list goes, too, or stays', async () => {
    await writeFile(at('ca.crt'), `${ca.certPem}${otherCa.certPem}`);
    const both = `${await list(ca, 5)}${await list(otherCa, 5)}`;
    await writeFile(at('crl.pem'), both);
    const used = await load();
    await writeFile(at('ca.crt'), ca.certPem);
    const one = await load(used);
    expect(one.trust.revocations.lists.map(({ issuer }) => issuer)).toEqual(['CN=Passband development CA']);
    // What is fetched anew for a CA that is gone holds up nothing that comes later.
    await writeFile(at('crl.pem'), `${await list(ca, 6)}${await list(otherCa, 6)}`);
    const later = await load(one);
    expect(later.trust.revocations.lists.map(({ number }) => number)).toEqual([6n]);
    expect(await load(later)).toBe(later);
    await writeFile(at('crl.pem'), await list(ca, 6));
    const without = await load(later);
    expect(without.trust.revocations.size).toBe(1);
    // Once it was away, a list of that CA is as much of a mistake as any other without its authority.
    await writeFile(at('crl.pem'), `${await list(ca, 6)}${await list(otherCa, 7)}`);
    expect(await refusal(load(without))).toMatch(/a list of an issuer that is not in ca\.crt/);
  });

  it('lets the old key of an authority and its list go after a roll-over under one name', async () => {
    const renewed = await createAuthority('Passband development CA', {
      notBefore: inMinutes(-5),
      notAfter: inMinutes(600),
    });
    await writeFile(at('ca.crt'), `${ca.certPem}${renewed.certPem}`);
    await writeFile(at('crl.pem'), await list(ca, 9));
    const old = await load();
    await writeFile(at('crl.pem'), await list(renewed, 1));
    // The old authority still vouches for its certificates, and nothing says any more which of them it revoked.
    expect(await refusal(load(old))).toMatch(/has lost the list/);
    await writeFile(at('crl.pem'), `${await list(ca, 9)}${await list(renewed, 1)}`);
    const both = await load(old);
    expect(both.trust.revocations.named('CN=Passband development CA')).toHaveLength(2);
    await writeFile(at('ca.crt'), renewed.certPem);
    expect((await load(both)).trust.revocations.size).toBe(1);
    await writeFile(at('crl.pem'), await list(renewed, 1));
    expect((await load(both)).trust.revocations.size).toBe(1);
  });

  /** What is in use after a reading, and what it said of files that cannot be used. */
  const reload = async (before: Material<Names>): Promise<[now: Material<Names>, faults: string[]]> => {
    const faults: string[] = [];
    const now = await loadMaterial(dir, NAMES, REFUSE, before, (fault) => {
      expect(fault).toBeInstanceOf(UsageError);
      faults.push(fault instanceof UsageError ? fault.message : '');
    });
    return [now, faults];
  };
  const writePair = async (name: Names): Promise<IssuedCertificate> => {
    const pair = await pki.issue({ cn: 'localhost', eku: 'server' });
    await writeFile(at(`${name}.crt`), pair.certPem);
    await writeFile(at(`${name}.key`), pair.keyPem);
    return pair;
  };
  const numbers = ({ trust }: Material<Names>): unknown => trust.revocations.lists.map(({ number }) => number);

  test.each<[what: string, spoil: () => Promise<unknown>, says: RegExp]>([
    ['a key', () => copyFile(at('gateway.key'), at('server.key')), /server\.key is not the key of .*server\.crt/],
    ['the other pair', () => writeFile(at('gateway.crt'), ''), /gateway\.crt has no certificate in it/],
    ['the bundle', () => writeFile(at('ca.crt'), ''), /ca\.crt has no certificate in it/],
    ['the lists', () => writeFile(at('crl.pem'), 'nonsense'), /crl\.pem has no revocation list in it/],
  ])('is replaced as one: not while %s cannot be used, and then all of it at once', async (_what, spoil, says) => {
    const before = await load();
    const pairs = [await writePair('server'), await writePair('gateway')];
    await writeFile(at('ca.crt'), `${ca.certPem}${otherCa.certPem}`);
    await writeFile(at('crl.pem'), await list(otherCa, 1));
    const whole = new Map<string, Buffer>();
    for (const file of materialFiles(dir, NAMES, REFUSE)) whole.set(file, await readFile(file));

    await spoil();
    const [kept, faults] = await reload(before);
    expect(kept.tls).toBe(before.tls);
    expect(kept.trust.authorities).toBe(before.trust.authorities);
    expect(faults[0]).toMatch(says);

    for (const [file, bytes] of whole) await writeFile(file, bytes);
    const [now, none] = await reload(kept);
    expect(none).toEqual([]);
    expect(NAMES.map((name) => now.tls[name].certPem)).toEqual(pairs.map(({ certPem }) => certPem));
    expect(NAMES.map((name) => now.tls[name].caPem)).toEqual(Array(2).fill(`${ca.certPem}${otherCa.certPem}`));
    expect([now.trust.authorities.length, numbers(now)]).toEqual([2, [1n]]);
  });

  it('says everything that is wrong with a set, at the start the first of it', async () => {
    const before = await load();
    for (const name of ['ca.crt', 'crl.pem', 'server.crt', 'gateway.key']) await writeFile(at(name), 'nonsense');
    const [now, faults] = await reload(before);
    expect(now).toBe(before);
    expect(faults.map((fault) => /([a-z]+\.[a-z]+) has no /.exec(fault)?.[1])).toEqual([
      'ca.crt',
      'crl.pem',
      'server.crt',
      'gateway.key',
    ]);
    expect(await refusal(load())).toMatch(/ca\.crt has no certificate/);
  });

  it('takes later lists, and authorities out, though a key is broken; and lets nobody new in', async () => {
    await writeFile(at('ca.crt'), `${ca.certPem}${otherCa.certPem}`);
    await writeFile(at('crl.pem'), `${await list(ca, 1)}${await list(otherCa, 1)}`);
    const first = await load();
    await writeFile(at('server.key'), 'nonsense');

    await writeFile(at('crl.pem'), `${await list(ca, 2)}${await list(otherCa, 1)}`);
    const [second, faults] = await reload(first);
    expect(faults).toEqual([expect.stringMatching(/server\.key has no private key/)]);
    expect([numbers(second), second.tls === first.tls]).toEqual([[2n, 1n], true]);
    expect((await reload(second))[0]).toBe(second);

    // One list that nobody has signed keeps no other from being taken, and one that is lost stays.
    const forged = await buildCrl({ ...otherCa, keyPem: ca.keyPem }, [], {
      number: 2,
      thisUpdate: inMinutes(-1),
      nextUpdate: inMinutes(60),
    });
    await writeFile(at('crl.pem'), `${await list(ca, 3)}${forged}`);
    const [third, unsigned] = await reload(second);
    expect(unsigned).toContainEqual(expect.stringMatching(/the list of CN=Other CA is not signed/));
    expect(numbers(third)).toEqual([3n, 1n]);
    await writeFile(at('crl.pem'), await list(ca, 4));
    const [fourth] = await reload(third);
    expect(numbers(fourth)).toEqual([4n, 1n]);

    const newCa = await createAuthority('New CA', { notBefore: inMinutes(-60), notAfter: inMinutes(600) });
    await writeFile(at('ca.crt'), `${newCa.certPem}${ca.certPem}`);
    const latest = await list(ca, 5);
    await writeFile(at('crl.pem'), `${latest}${await list(newCa, 7)}`);
    const [fifth] = await reload(fourth);
    expect(fifth.trust.authorities.map(({ subject }) => subject)).toEqual(['CN=Passband development CA']);
    expect([numbers(fifth), fifth.tls === first.tls]).toEqual([[5n], true]);

    // Put back, an authority is a new one.
    await writeFile(at('ca.crt'), `${ca.certPem}${otherCa.certPem}`);
    await writeFile(at('crl.pem'), latest);
    expect((await reload(fifth))[0]).toBe(fifth);
    await writeFile(at('ca.crt'), newCa.certPem);
    const [nobody] = await reload(fifth);
    expect([nobody.trust.authorities, numbers(nobody)]).toEqual([[], []]);

    const pair = await writePair('server');
    const [last, none] = await reload(nobody);
    expect([last.tls.server.certPem, last.tls.gateway.caPem, none]).toEqual([pair.certPem, newCa.certPem, []]);
  });

  it('is not held up by an own pair that was taken and has run out since, only by a new one', async () => {
    const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1_000);
    const short = await pki.issue({ cn: 'localhost', eku: 'server', notAfter: soon });
    await writeFile(at('server.crt'), short.certPem);
    await writeFile(at('server.key'), short.keyPem);
    const before = await load();
    await until('it has run out', () => Date.now() > soon.getTime());
    expect(await refusal(load())).toMatch(/server\.crt has expired/);
    const pair = await writePair('gateway');
    const [now, faults] = await reload(before);
    expect([faults, now.tls.gateway.certPem, now.tls.server === before.tls.server]).toEqual([[], pair.certPem, true]);
    const past = await pki.issue({ cn: 'localhost', eku: 'server', notAfter: inMinutes(-1) });
    await writeFile(at('server.crt'), past.certPem);
    await writeFile(at('server.key'), past.keyPem);
    const [kept, expiry] = await reload(now);
    expect([kept, expiry]).toEqual([now, [expect.stringMatching(/server\.crt has expired/)]]);
  });

  it.each([
    ['certificate, key, bundle', ['server.crt', 'server.key', 'ca.crt']],
    ['bundle, key, certificate', ['ca.crt', 'server.key', 'server.crt']],
  ])('comes out right when a roll-over replaces one file after the other: %s', async (_order, names) => {
    const pair = await pki.issue({ cn: 'localhost', eku: 'server', issuer: otherCa });
    const files = new Map([
      ['server.crt', pair.certPem],
      ['server.key', pair.keyPem],
      ['ca.crt', otherCa.certPem],
    ]);
    let now = await load();
    const faults: unknown[][] = [];
    for (const name of names) {
      await writeFile(at(name), files.get(name) ?? '');
      const said: unknown[] = [];
      now = await loadMaterial(dir, NAMES, REFUSE, now, (fault) => said.push(fault));
      expect(() => checkKey(now.tls.server.keyPem, '', ...leafOf(now.tls.server.certPem))).not.toThrow();
      faults.push(said);
    }
    expect(faults.map(({ length }) => length)).toEqual(names[0] === 'ca.crt' ? [0, 1, 0] : [1, 0, 0]);
    const { certPem, keyPem, caPem } = now.tls.server;
    expect([certPem, keyPem, caPem]).toEqual([...files.values()]);
    expect([now.tls.gateway.caPem, now.trust.authorities[0]?.subject]).toEqual([otherCa.certPem, 'CN=Other CA']);
  });

  it('follows its files, and keeps the last good of what cannot be used', async () => {
    const outcomes: boolean[] = [];
    const value = await openReloadable({
      what: 'certificates',
      files: materialFiles(dir, NAMES, REFUSE),
      load: (before: Material<Names> | undefined, onFault) => loadMaterial(dir, NAMES, REFUSE, before, onFault),
      log: noLog,
      onOutcome: (ok) => outcomes.push(ok),
      pollMs: 10,
    });
    const replace = async (name: string, content: string): Promise<void> => {
      await writeFile(at('.new'), content, { mode: 0o600 });
      await rename(at('.new'), at(name));
    };
    try {
      await replace('crl.pem', await list(ca, 1));
      await until('the list is in use', () => value.current().trust.revocations.size === 1);
      await rm(at('crl.pem'));
      await until('its loss was refused', () => outcomes.at(-1) === false);
      expect(value.current().trust.revocations.lists.map(({ number }) => number)).toEqual([1n]);
      const renewed = await pki.issue({ cn: 'server', dns: ['localhost'] });
      await replace('server.crt', renewed.certPem);
      await replace('server.key', renewed.keyPem);
      await replace('crl.pem', await list(ca, 2));
      await until(
        'all of it',
        () => outcomes.at(-1) === true && value.current().trust.revocations.lists[0]?.number === 2n,
      );
      expect(value.current().tls.server).toMatchObject({ certPem: renewed.certPem, keyPem: renewed.keyPem });
    } finally {
      value.close();
    }
  });
});

import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createAuthority, type IssuedCertificate, issueLeaf, signCertificate } from '../../src/pki/authority.ts';
import { certificateFacts } from '../../src/pki/certificate-facts.ts';
import { caExtensions } from '../../src/pki/extensions.ts';
import { publicKeyInfo } from '../../src/pki/keys.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { encodeSubject, SUBJECT_OIDS } from '../../src/pki/subject.ts';
import { loadMaterial, type Material } from '../../src/trust/material.ts';

/** Two keys of one name, as in a roll-over, and another name. */
const KEYS = ['old', 'new', 'other'] as const;
type Key = (typeof KEYS)[number];
/** Certificates that may lie in ca.crt: one of the old key's is a renewed one. */
const CERTIFICATES = { old: 'old', renewed: 'old', new: 'new', other: 'other' } as const;
type Certificate = keyof typeof CERTIFICATES;
const MOST_EDITIONS = 3;
const inMinutes = (minutes: number): Date => new Date(Date.now() + minutes * 60_000);
const validity = { notBefore: inMinutes(-60), notAfter: inMinutes(600) };

const certificates = new Map<Certificate, string>();
const names = new Map<string, Certificate>();
const keyIds = new Map<string, Key>();
const lists = new Map<Key, readonly string[]>();
let pairs: readonly IssuedCertificate[];
let expired: string;
let dir: string;

/** The renewed certificate of a CA: another one, of the same name and key. */
function renew({ keyPem }: IssuedCertificate, days: typeof validity): Promise<string> {
  const publicKey = publicKeyInfo(keyPem);
  const subject = encodeSubject([{ type: SUBJECT_OIDS.CN, value: 'One CA' }]);
  return signCertificate(undefined, keyPem, {
    ...days,
    subject,
    publicKey,
    extensions: () => caExtensions(publicKey, 0),
  });
}

/** Each edition revokes one certificate more. */
async function editionsOf(issuer: IssuedCertificate): Promise<string[]> {
  const made: string[] = [];
  for (let number = 1; number <= MOST_EDITIONS; number++) {
    const revoked = Array.from({ length: number }, (_, index) => `0${index + 1}`);
    const at = inMinutes(-30);
    const edition = { number, thisUpdate: inMinutes(number - 30), nextUpdate: inMinutes(60) };
    made.push(
      await buildCrl(
        issuer,
        revoked.map((serial) => ({ serial, reason: 'superseded', at })),
        edition,
      ),
    );
  }
  return made;
}

beforeAll(async () => {
  const made = await Promise.all(['One CA', 'One CA', 'Other CA'].map((name) => createAuthority(name, validity)));
  for (const [index, key] of KEYS.entries()) {
    const authority = made[index];
    if (authority === undefined) throw new Error('there is a CA for each key');
    certificates.set(key, authority.certPem);
    keyIds.set(certificateFacts(new X509Certificate(authority.certPem)).keyId, key);
    lists.set(key, await editionsOf(authority));
    if (key === 'old') certificates.set('renewed', await renew(authority, validity));
    if (key === 'old') expired = await renew(authority, { notBefore: inMinutes(-60), notAfter: inMinutes(-1) });
  }
  for (const [name, pem] of certificates) names.set(new X509Certificate(pem).fingerprint256, name);
  const leaf = { subject: [{ type: SUBJECT_OIDS.CN, value: 'x' }], purpose: 'server', validity } as const;
  const none = { dns: [], ips: [], uris: [], emails: [] };
  pairs = await Promise.all([1, 2].map(() => issueLeaf(made[2], { ...leaf, ...none })));
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'passband-orders-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** What lies in the folder; undefined for what is broken. */
interface Files {
  /** Pair of the certificate and of the key. */
  readonly pair: readonly [number, number];
  readonly ca: readonly Certificate[] | undefined;
  /** Of each key the edition of its list, 0 for none. */
  readonly lists: Readonly<Record<Key, number>> | undefined;
}

const listOf = (key: Key, edition: number): string => lists.get(key)?.[edition - 1] ?? '';

async function write({ pair: [cert, key], ca, lists: editions }: Files): Promise<void> {
  const at = (name: string): string => join(dir, name);
  await writeFile(at('server.crt'), pairs[cert]?.certPem ?? '');
  await writeFile(at('server.key'), pairs[key]?.keyPem ?? '', { mode: 0o600 });
  await writeFile(at('ca.crt'), ca === undefined ? 'nonsense' : ca.map((name) => certificates.get(name)).join(''));
  const text = editions === undefined ? 'nonsense' : KEYS.map((key) => listOf(key, editions[key])).join('');
  if (text === '') await rm(at('crl.pem'), { force: true });
  else await writeFile(at('crl.pem'), text);
}

type Used = Material<'server'>;
const REFUSE = { crlFiles: [], staleLists: 'refuse' } as const;

async function read(before?: Used): Promise<{ readonly now: Used; readonly faults: readonly string[] }> {
  const faults: string[] = [];
  const told = before && ((fault: unknown): number => faults.push(String(fault)));
  return { now: await loadMaterial(dir, ['server'], REFUSE, before, told), faults };
}

const trusted = ({ trust }: Used): (Certificate | undefined)[] =>
  trust.authorities.map(({ fingerprint256 }) => names.get(fingerprint256));
/** Editions in use. */
const editions = ({ trust }: Used): Record<Key, number> => {
  const used = { old: 0, new: 0, other: 0 };
  for (const { issuerKeyId, number } of trust.revocations.lists) used[keyOf(issuerKeyId)] = Number(number);
  return used;
};
function keyOf(issuerKeyId: string): Key {
  const found = keyIds.get(issuerKeyId);
  if (found === undefined) throw new Error('a list of a key that no CA here has');
  return found;
}

describe('a set in which an authority was taken out', () => {
  it('is taken though the list of its key stays, under a name that another key has now', async () => {
    const both = { old: 1, new: 1, other: 0 };
    await write({ pair: [0, 0], ca: ['old', 'new'], lists: both });
    let { now, faults } = await read();
    await write({ pair: [0, 0], ca: ['new'], lists: both });
    ({ now, faults } = await read(now));
    expect([faults, editions(now)]).toEqual([[], { old: 0, new: 1, other: 0 }]);
    // Read again, and with what its CA goes on to publish.
    for (const old of [1, 2]) {
      await write({ pair: [old - 1, old - 1], ca: ['new'], lists: { old, new: old, other: 0 } });
      ({ now, faults } = await read(now));
      expect([faults, editions(now)]).toEqual([[], { old: 0, new: old, other: 0 }]);
    }
  });

  it('is taken again after its lists could not be read for a while', async () => {
    const both = { old: 0, new: 1, other: 1 };
    await write({ pair: [0, 0], ca: ['new', 'other'], lists: both });
    const first = (await read()).now;
    for (const before of [['new'], ['new', 'other']] as const) {
      await write({ pair: [0, 0], ca: before, lists: both });
      const out = (await read(first)).now;
      await write({ pair: [0, 0], ca: ['new'], lists: undefined });
      const broken = await read(out);
      expect(broken.faults).toHaveLength(1);
      await write({ pair: [1, 1], ca: ['new'], lists: both });
      const mended = await read(broken.now);
      expect([mended.faults, mended.now.tls.server.certPem]).toEqual([[], pairs[1]?.certPem]);
    }
  });

  it('trusts it no more at once, though those that are left have expired', async () => {
    await write({ pair: [0, 0], ca: ['new', 'other'], lists: { old: 0, new: 0, other: 1 } });
    const first = (await read()).now;
    await writeFile(join(dir, 'ca.crt'), `${expired}${certificates.get('other')}`);
    await writeFile(join(dir, 'server.key'), 'nonsense');
    const second = (await read(first)).now;
    expect(trusted(second)).toEqual(['other']);
    await writeFile(join(dir, 'ca.crt'), expired);
    const third = await read(second);
    expect([trusted(third.now), third.faults[0]]).toEqual([[], expect.stringMatching(/ca\.crt has expired/)]);
  });
});

it('keeps the list of an authority whose certificate is renewed while the set is broken', async () => {
  await write({ pair: [0, 0], ca: ['old'], lists: { old: 2, new: 0, other: 0 } });
  const first = (await read()).now;
  await write({ pair: [0, 1], ca: ['renewed'], lists: { old: 2, new: 0, other: 0 } });
  const second = (await read(first)).now;
  expect(trusted(second)).toEqual([]);
  await write({ pair: [0, 0], ca: ['renewed'], lists: { old: 0, new: 0, other: 0 } });
  const third = await read(second);
  expect([third.faults, trusted(third.now)]).toEqual([[expect.stringMatching(/has lost the list/)], []]);
});

it('takes an authority out though the lists are a link that leads nowhere but to itself', async () => {
  await write({ pair: [0, 0], ca: ['old', 'other'], lists: { old: 0, new: 0, other: 0 } });
  const first = (await read()).now;
  await symlink('crl.pem', join(dir, 'crl.pem'));
  await writeFile(join(dir, 'ca.crt'), certificates.get('old') ?? '');
  const { now, faults } = await read(first);
  expect([trusted(now), faults]).toEqual([['old'], [expect.stringContaining('crl.pem')]]);
});

describe('whatever the order', () => {
  const edition = fc.nat({ max: MOST_EDITIONS });
  const someLists = fc.record({ old: edition, new: edition, other: edition });
  const someCas = fc.subarray(['old', 'renewed', 'new', 'other'] satisfies Certificate[], { minLength: 1 });
  const which = fc.nat({ max: 1 });
  const files = fc.record<Files>({
    pair: fc.oneof({ weight: 3, arbitrary: which.map((one) => [one, one] as const) }, fc.tuple(which, which)),
    ca: fc.option(someCas, { freq: 5, nil: undefined }),
    lists: fc.option(someLists, { freq: 5, nil: undefined }),
  });

  it('nothing is undone, nothing waits that takes away, and what is good is taken in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(files, { maxLength: 10 }), someCas, someLists, async (steps, lastCas, lastLists) => {
        await write({ pair: [0, 0], ca: ['old', 'other'], lists: { old: 1, new: 0, other: 0 } });
        let { now: before } = await read();
        for (const step of steps) {
          await write(step);
          const { now, faults } = await read(before);
          check(step, before, now, faults);
          before = now;
        }
        // A set that could be started with, in which no list is earlier than the one in use.
        const keys = new Set(lastCas.map((name) => CERTIFICATES[name]));
        const used = editions(before);
        const due = (key: Key): number => (keys.has(key) ? Math.max(used[key], lastLists[key]) : 0);
        const last: Files = {
          pair: [1, 1],
          ca: lastCas,
          lists: { old: due('old'), new: due('new'), other: due('other') },
        };
        await write(last);
        const { now, faults } = await read(before);
        expect(faults).toEqual([]);
        check(last, before, now, faults);
        // And a list that stays behind when its authority goes holds up nothing, then or later.
        const [stays = 'old'] = lastCas;
        const alone: Files = { ...last, ca: [stays] };
        let after = now;
        for (const [index, step] of [
          alone,
          { ...alone, lists: undefined },
          { ...alone, pair: [0, 0] as const },
        ].entries()) {
          await write(step);
          const reading = await read(after);
          check(step, after, reading.now, reading.faults);
          if (index !== 1) expect(reading.faults).toEqual([]);
          after = reading.now;
        }
      }),
      { numRuns: 25 },
    );
  });

  function check(step: Files, before: Used, now: Used, faults: readonly string[]): void {
    const bundle = step.ca ?? trusted(before);
    const keys = new Set(bundle.map((name) => name && CERTIFICATES[name]));
    const [was, is] = [editions(before), editions(now)];
    if (faults.length === 0) {
      expect(now.tls.server.certPem).toBe(pairs[step.pair[0]]?.certPem);
      expect(now.tls.server.keyPem).toBe(pairs[step.pair[1]]?.keyPem);
      expect([trusted(now), step.pair[0]]).toEqual([step.ca, step.pair[1]]);
      for (const key of KEYS) expect(is[key]).toBe(keys.has(key) ? step.lists?.[key] : 0);
    } else {
      expect(now.tls).toBe(before.tls);
      expect(trusted(now)).toEqual(trusted(before).filter((name) => new Set<unknown>(bundle).has(name)));
    }
    const left = new Set(trusted(now).map((name) => name && CERTIFICATES[name]));
    for (const key of KEYS) {
      // No list is lost, or goes back, while ca.crt has a certificate of its key; a later one is in use at once.
      if (keys.has(key)) expect(is[key]).toBeGreaterThanOrEqual(was[key]);
      if (keys.has(key) && left.has(key)) expect(is[key]).toBeGreaterThanOrEqual(step.lists?.[key] ?? 0);
      if (!keys.has(key)) expect(is[key]).toBe(0);
    }
  }
});

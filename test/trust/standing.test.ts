// needs: openssl
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { createAuthority, type IssuedCertificate, issueLeaf } from '../../src/pki/authority.ts';
import { parseCrls, type RevocationList, verifyCrl } from '../../src/pki/crl-file.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { tlsServerOptions } from '../../src/tls.ts';
import { NO_REVOCATION_LISTS, revocationLists } from '../../src/trust/revocation-lists.ts';
import { forwardedFault, nextChangeMs, standingFault } from '../../src/trust/standing.ts';
import type { PeerChain, Trust } from '../../src/trust/trust.ts';
import { startResponder } from '../support/ocsp-responder.ts';
import { run } from '../support/run.ts';

const MINUTE_MS = 60_000;
const START_MS = Math.floor(Date.now() / 1000) * 1000;
const at = (minutes: number): number => START_MS + minutes * MINUTE_MS;
const from = (notBefore: number, notAfter: number) => ({
  notBefore: new Date(at(notBefore)),
  notAfter: new Date(at(notAfter)),
});

interface Person extends IssuedCertificate {
  readonly x509: X509Certificate;
}
const person = (made: IssuedCertificate): Person => ({ ...made, x509: new X509Certificate(made.certPem) });
const authority = async (
  name: string,
  options: { issuer?: IssuedCertificate; pathLength?: number; validity?: ReturnType<typeof from> } = {},
): Promise<Person> => {
  const { issuer, pathLength = 3, validity = from(-60, 600) } = options;
  return person(await createAuthority(name, validity, { pathLength, ...(issuer === undefined ? {} : { issuer }) }));
};
const leafOf = async (issuer: IssuedCertificate, validity = from(-10, 100)): Promise<Person> =>
  person(
    await issueLeaf(issuer, { subject: [{ type: '2.5.4.3', value: 'oran-client' }], purpose: 'client', validity }),
  );

interface ListOptions {
  readonly number?: number;
  readonly nextUpdate?: number;
}
async function listOf(issuer: Person, revoked: readonly Person[], options: ListOptions = {}): Promise<RevocationList> {
  const pem = await buildCrl(
    issuer,
    revoked.map(({ x509 }) => ({ serial: x509.serialNumber, reason: 'keyCompromise', at: new Date(at(-1)) })),
    { number: options.number ?? 1, thisUpdate: new Date(at(-1)), nextUpdate: new Date(at(options.nextUpdate ?? 50)) },
  );
  const [parsed] = await parseCrls(Buffer.from(pem), 'crl.pem');
  const list = parsed && (await verifyCrl(parsed, 'crl.pem', [issuer.x509], Date.now()));
  if (list === undefined) throw new Error('a list');
  return list;
}

const trusting = (
  authorities: readonly Person[],
  lists: readonly RevocationList[] = [],
  staleLists: Trust['staleLists'] = 'refuse',
): Trust => ({
  authorities: authorities.map(({ x509 }) => x509),
  revocations: lists.length === 0 ? NO_REVOCATION_LISTS : revocationLists(lists),
  staleLists,
});
const chainOf = (leaf: Person, ...intermediates: readonly Person[]): PeerChain => ({
  leaf: leaf.x509,
  intermediates: intermediates.map(({ x509 }) => x509),
});
const identityOf = ({ x509 }: Person) => ({
  issuer: x509.issuer.replaceAll('\n', ','),
  serial: x509.serialNumber.toLowerCase(),
});

const GOOD = undefined;
const REVOKED = 'the client certificate has been revoked';
const NOBODY = 'the client certificate leads to no authority that is trusted here';

let root: Person;
let issuing: Person;
let stranger: Person;
let leaf: Person;
let deepLeaf: Person;
beforeAll(async () => {
  root = await authority('Root');
  issuing = await authority('Issuing', { issuer: root, pathLength: 0 });
  stranger = await authority('Stranger');
  leaf = await leafOf(root);
  deepLeaf = await leafOf(issuing);
});

/** Extensions for OpenSSL to make another certificate of a CA's key, with the same identifier. */
async function caExtensionsOf({ certPem }: Person): Promise<string> {
  const { stdout } = await run('openssl', ['x509', '-noout', '-ext', 'subjectKeyIdentifier'], certPem);
  const identifier = /[0-9A-F]{2}(:[0-9A-F]{2})+/.exec(stdout)?.[0];
  return `basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=${identifier}\n`;
}

/** How many signatures are verified by some work. */
function countVerifications(work: () => void): number {
  const verify = X509Certificate.prototype.verify;
  let verified = 0;
  X509Certificate.prototype.verify = function (key) {
    verified += 1;
    return verify.call(this, key);
  };
  try {
    work();
  } finally {
    X509Certificate.prototype.verify = verify;
  }
  return verified;
}

describe('a way to an authority', () => {
  it('leads straight, or over what the peer sent, or over what the bundle has', () => {
    expect(standingFault(trusting([root]), chainOf(leaf), at(0))).toBe(GOOD);
    expect(standingFault(trusting([root]), chainOf(deepLeaf, issuing), at(0))).toBe(GOOD);
    expect(standingFault(trusting([stranger, issuing, root]), chainOf(deepLeaf), at(0))).toBe(GOOD);
  });

  it('is asked for anew when the bundle is another', () => {
    const chain = chainOf(leaf);
    expect(standingFault(trusting([root]), chain, at(0))).toBe(GOOD);
    expect(standingFault(trusting([stranger]), chain, at(0))).toBe(NOBODY);
    expect(standingFault(trusting([stranger, root]), chain, at(0))).toBe(GOOD);
  });

  test.each<[what: string, make: () => Promise<readonly [Trust, PeerChain]> | readonly [Trust, PeerChain]]>([
    ['nobody is trusted', () => [trusting([]), chainOf(leaf)]],
    ['its authority is not in the bundle', () => [trusting([stranger]), chainOf(leaf)]],
    ['what is between is known to nobody', () => [trusting([root]), chainOf(deepLeaf)]],
    ['the peer sends its own root', () => [trusting([stranger]), chainOf(deepLeaf, issuing, root)]],
    ['the authority has the name and another key', async () => [trusting([await authority('Root')]), chainOf(leaf)]],
    ['a leaf has signed it', async () => [trusting([root]), chainOf(await leafOf(leaf), leaf)]],
    [
      'somebody whose key may be used for anything has signed it, and is no CA',
      async () => {
        const openssl = await startResponder(root, { good: [], revoked: [] });
        const nobody = person(await openssl.issue('basicConstraints=CA:FALSE\n'));
        await openssl.close();
        return [trusting([root]), chainOf(await leafOf(nobody), nobody)];
      },
    ],
    [
      'a CA under one that allows none has signed it',
      async () => {
        const below = await authority('Below', { issuer: issuing });
        return [trusting([root]), chainOf(await leafOf(below), below, issuing)];
      },
    ],
    ['its root is gone and only the issuing CA is in the bundle', () => [trusting([issuing]), chainOf(deepLeaf)]],
    [
      'the way is longer than five',
      async () => {
        const line = [await authority('0', { pathLength: 9 })];
        for (let i = 1; i <= 5; i += 1)
          line.unshift(await authority(`${i}`, { issuer: line[0] as Person, pathLength: 9 }));
        return [trusting(line), chainOf(await leafOf(line[0] as Person))];
      },
    ],
  ])('is not there when %s', async (_what, make) => {
    const [trust, chain] = await make();
    expect(standingFault(trust, chain, at(0))).toBe(NOBODY);
  });

  it('may be five authorities long', async () => {
    const line = [await authority('0', { pathLength: 9 })];
    for (let i = 1; i < 5; i += 1) line.unshift(await authority(`${i}`, { issuer: line[0] as Person, pathLength: 9 }));
    expect(standingFault(trusting(line), chainOf(await leafOf(line[0] as Person)), at(0))).toBe(GOOD);
  });

  it('goes by one of two authorities of one name, as in a roll-over', async () => {
    const renewed = await authority('Root');
    const trust = trusting([renewed, root]);
    expect(standingFault(trust, chainOf(leaf), at(0))).toBe(GOOD);
    expect(standingFault(trust, chainOf(await leafOf(renewed)), at(0))).toBe(GOOD);
  });

  it('is found, or not, in bounded time where CAs have all signed one another', async () => {
    const names = ['A', 'B', 'C', 'D', 'E', 'F'];
    const keys = await Promise.all(names.map((name) => authority(name, { pathLength: 9 })));
    const home = await mkdtemp(join(tmpdir(), 'passband-cross-'));
    try {
      const crossed: Person[] = [];
      for (const [i, subject] of keys.entries()) {
        await writeFile(join(home, `${i}.key`), subject.keyPem, { mode: 0o600 });
        await writeFile(join(home, `${i}.crt`), subject.certPem);
      }
      for (const [i, subject] of keys.entries()) {
        await writeFile(join(home, 'ext'), await caExtensionsOf(subject));
        const csr = join(home, `${i}.csr`);
        await run('openssl', [
          'x509',
          '-x509toreq',
          '-in',
          join(home, `${i}.crt`),
          '-signkey',
          join(home, `${i}.key`),
          '-out',
          csr,
        ]);
        for (const j of keys.keys()) {
          if (i === j) continue;
          const out = join(home, `${i}-${j}.crt`);
          const by = ['-CA', join(home, `${j}.crt`), '-CAkey', join(home, `${j}.key`), '-extfile', join(home, 'ext')];
          await run('openssl', ['x509', '-req', '-in', csr, '-days', '2', '-out', out, ...by]);
          crossed.push(person({ certPem: await readFile(out, 'utf8'), keyPem: '' }));
        }
      }
      const lost = await leafOf(keys[0] as Person);
      const verified = countVerifications(() => {
        expect(standingFault(trusting(crossed), chainOf(lost), at(1))).toBe(NOBODY);
        expect(standingFault(trusting([...crossed, keys[5] as Person]), chainOf(lost), at(1))).toBe(GOOD);
      });
      // What one chain may cost, twice: there are some hundred ways.
      expect(verified).toBeLessThanOrEqual(2 * 64);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });

  it('is there where TLS finds one, and not where it finds none', async () => {
    const cases: [ca: readonly Person[], sent: readonly Person[], good: boolean][] = [
      [[root], [deepLeaf, issuing], true],
      [[root, issuing], [deepLeaf], true],
      [[issuing], [deepLeaf], false],
      [[issuing], [deepLeaf, issuing, root], false],
      [[stranger], [deepLeaf, issuing, root], false],
    ];
    const server = person(
      await issueLeaf(root, { subject: [], purpose: 'server', validity: from(-10, 100), dns: ['localhost'] }),
    );
    for (const [ca, sent, good] of cases) {
      const caPem = ca.map(({ certPem }) => certPem).join('');
      const material = { ...server, caPem, certFile: '', keyFile: '', caFile: '' };
      const [peer, ...others] = sent as readonly [Person, ...Person[]];
      const cert = sent.map(({ certPem }) => certPem).join('');
      expect([ca, await isLetIn(material, { cert, key: peer.keyPem })]).toEqual([ca, good]);
      expect(standingFault(trusting(ca), chainOf(peer, ...others), at(0)) === undefined).toBe(good);
    }
  });
});

/** Whether a listener with our TLS options lets a client in. */
async function isLetIn(
  material: Parameters<typeof tlsServerOptions>[0],
  client: { readonly cert: string; readonly key: string },
): Promise<boolean> {
  const server = createServer(tlsServerOptions(material), (socket) => socket.end('in'));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...client });
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
  await new Promise((resolve) => server.close(resolve));
  return answer === 'in';
}

describe('dates', () => {
  it('of the leaf, both ends included', () => {
    const trust = trusting([root]);
    const faults = [-10.1, -10, 0, 100, 100.1].map((minutes) => standingFault(trust, chainOf(leaf), at(minutes)));
    expect(faults).toEqual([
      'the client certificate is not valid yet',
      GOOD,
      GOOD,
      GOOD,
      'the client certificate has expired',
    ]);
  });

  it('of what is above it', async () => {
    const brief = await authority('Brief', { issuer: root, validity: from(-5, 5) });
    const chain = chainOf(await leafOf(brief), brief);
    const faults = [-6, 0, 6].map((minutes) => standingFault(trusting([root]), chain, at(minutes), 'it'));
    expect(faults).toEqual(['an authority of it is not valid yet', GOOD, 'an authority of it has expired']);
    const oldRoot = await authority('Old', { validity: from(-60, 1) });
    const old = chainOf(await leafOf(oldRoot));
    expect(standingFault(trusting([oldRoot]), old, at(2))).toBe('an authority of the client certificate has expired');
  });

  it('of a CA that was renewed with its key do not end what it has signed before', async () => {
    const home = await mkdtemp(join(tmpdir(), 'passband-renewed-'));
    try {
      const [key, out, config] = [join(home, 'key'), join(home, 'crt'), join(home, 'conf')];
      await writeFile(key, root.keyPem, { mode: 0o600 });
      await writeFile(
        config,
        `[req]\ndistinguished_name=dn\nx509_extensions=e\n[dn]\n[e]\n${await caExtensionsOf(root)}`,
      );
      const { code, stderr } = await run('openssl', [
        ...['req', '-x509', '-config', config, '-key', key, '-subj', '/CN=Root', '-days', '3', '-out', out],
      ]);
      expect(code === 0 ? '' : stderr).toBe('');
      const renewed = person({ certPem: await readFile(out, 'utf8'), keyPem: root.keyPem });
      const late = chainOf(await leafOf(root, from(-10, 700)));
      expect(standingFault(trusting([root]), late, at(601))).toBe('an authority of the client certificate has expired');
      expect(standingFault(trusting([root, renewed]), late, at(601))).toBe(GOOD);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});

describe('revocation', () => {
  it('of the leaf, by its issuer and nobody else', async () => {
    const other = await leafOf(root);
    const trust = trusting([root, stranger], [await listOf(root, [leaf])]);
    expect(standingFault(trust, chainOf(leaf), at(0))).toBe(REVOKED);
    expect(standingFault(trust, chainOf(other), at(0))).toBe(GOOD);
    const strangers = trusting([root, stranger], [await listOf(stranger, [leaf])]);
    expect(standingFault(strangers, chainOf(leaf), at(0))).toBe(GOOD);
  });

  it('of what is above it, and of the leaf by the issuing CA', async () => {
    const chain = chainOf(deepLeaf, issuing);
    const above = trusting([root, issuing], [await listOf(root, [issuing])]);
    expect(standingFault(above, chain, at(0))).toBe('an authority of the client certificate has been revoked');
    expect(standingFault(trusting([root], [await listOf(issuing, [deepLeaf])]), chain, at(0))).toBe(REVOKED);
  });

  it('holds by every list of the name, whichever key has signed it', async () => {
    const renewed = await authority('Root');
    const lists = [await listOf(renewed, [leaf]), await listOf(root, [])];
    expect(standingFault(trusting([root, renewed], lists), chainOf(leaf), at(0))).toBe(REVOKED);
  });

  it('of somebody who is forwarded, by issuer and serial', async () => {
    const trust = trusting([root], [await listOf(root, [leaf])]);
    const identity = identityOf(leaf);
    expect(forwardedFault(trust, identity)).toBe(REVOKED);
    expect(forwardedFault(trust, { ...identity, serial: `00${identity.serial.toUpperCase()}` })).toBe(REVOKED);
    expect(forwardedFault(trust, identityOf(await leafOf(root)))).toBe(GOOD);
    expect(forwardedFault(trust, { ...identity, issuer: 'CN=Stranger' })).toBe(GOOD);
    expect(forwardedFault(trust, identity, at(0), 'it')).toBe('it has been revoked');
  });
});

describe('a list that is out of date', () => {
  const STALE = 'the revocation list for the client certificate is out of date';

  it('refuses the certificates of its issuer, or is only warned of', async () => {
    const lists = [await listOf(root, [leaf], { nextUpdate: 20 })];
    const other = chainOf(await leafOf(root));
    const [refuse, warn] = [trusting([root], lists), trusting([root], lists, 'warn')];
    expect([20, 20.1].map((minutes) => standingFault(refuse, other, at(minutes)))).toEqual([GOOD, STALE]);
    expect(standingFault(warn, other, at(20.1))).toBe(GOOD);
    expect(standingFault(warn, chainOf(leaf), at(20.1))).toBe(REVOKED);
    const forwarded = identityOf(await leafOf(root));
    expect([20, 20.1].map((minutes) => forwardedFault(refuse, forwarded, at(minutes)))).toEqual([GOOD, STALE]);
    expect(forwardedFault(warn, forwarded, at(20.1))).toBe(GOOD);
  });

  it('is that of the key that has signed the certificate, where there are two', async () => {
    const renewed = await authority('Root');
    const lists = [await listOf(root, [], { nextUpdate: 5 }), await listOf(renewed, [], { nextUpdate: 50 })];
    const trust = trusting([root, renewed], lists);
    expect(standingFault(trust, chainOf(leaf), at(10))).toBe(STALE);
    expect(standingFault(trust, chainOf(await leafOf(renewed)), at(10))).toBe(GOOD);
  });

  it('never is one without a next update', async () => {
    const { nextUpdateMs: _, ...rest } = await listOf(root, []);
    const trust = trusting([root], [{ ...rest, nextUpdateMs: undefined }]);
    expect(standingFault(trust, chainOf(leaf), at(99))).toBe(GOOD);
  });
});

describe('the next moment at which something changes by itself', () => {
  it('is that of a list or an authority, the earliest first', async () => {
    const brief = await authority('Brief', { validity: from(-5, 30) });
    const trust = trusting([root, brief], [await listOf(root, [], { nextUpdate: 20 })]);
    expect([-30, 0, 21, 31, 601].map((minutes) => nextChangeMs(trust, at(minutes)))).toEqual(
      [-5, 20, 30, 600, undefined].map((minutes) => (minutes === undefined ? undefined : at(minutes))),
    );
  });
});

describe('the work of one more question', () => {
  it('is done without verifying a signature again', async () => {
    const trust = trusting([root, issuing], [await listOf(issuing, [leaf])]);
    const chains = Array.from({ length: 100 }, () => chainOf(deepLeaf, issuing));
    const ask = (chain: PeerChain): void => expect(standingFault(trust, chain, at(0))).toBe(GOOD);
    expect(countVerifications(() => [...chains, ...chains].forEach(ask))).toBeLessThan(5);
    expect(countVerifications(() => ask(chainOf(deepLeaf, issuing)))).toBe(0);
    const another = { ...trust, authorities: [...trust.authorities] };
    expect(countVerifications(() => standingFault(another, chainOf(deepLeaf), at(0)))).toBeGreaterThan(0);
  });
});

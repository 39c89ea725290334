import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { protoPath } from 'grpc-health-check';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { type Identity, identityFromCertificate } from '../../src/gateway/guard/identity.ts';
import { identityToJson } from '../../src/gateway/guard/identity-json.ts';
import type { PeerChain } from '../../src/trust/trust.ts';
import type { TestCertificate, TestFiles } from '../support/pki.ts';
import { BackendUnderTest, policyOf, refusal } from './backend-under-test.ts';

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: developer
    subjects: ["cn:oran-client"]
    allow: [{ methods: ["*"] }]
  - name: dashboards
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.StationService/*", "sdr.oran.IQStreamService/SubscribeIQ"] }]
  - name: sim-only
    subjects: ["cn:lab"]
    allow: [{ methods: ["sdr.oran.IQStreamService/*"], where: { station_id: ["sim-*"] } }]
  - name: only-listens
    subjects: ["cn:monitor"]
    allow: [{ methods: ["passband.Gateway/*"] }]
  - name: health
    subjects: ["cn:probe"]
    allow: [{ methods: ["grpc.health.v1.Health/Check"] }]
`;

const OK = 'no error';
const DENIED = /^7: /;
/** The certificate is no good, or the connection has come to its end by it. */
const ENDED = /^(16|14): /;
/** TLS refused it: the connection never came to be. */
const NO_CONNECTION = /^14: /;

type Who = TestFiles | 'client' | 'gateway' | 'dashboard';

const hours = (count: number): Date => new Date(Date.now() + count * 3_600_000);

describe('the door of the backend', () => {
  let backend: BackendUnderTest;
  beforeAll(async () => {
    backend = await BackendUnderTest.start({ stations: DEFAULT_STATIONS, policy: policyOf(POLICY) });
  });
  afterAll(() => backend.stop());

  async function list(who: Who, metadata?: Metadata): Promise<string> {
    return refusal((await backend.client('sdr.oran.StationService', who)).unary('ListStations', {}, metadata));
  }

  async function start(who: Who, stationId: string, metadata?: Metadata): Promise<string> {
    const iq = await backend.client('sdr.oran.IQStreamService', who);
    return refusal(iq.unary('StartStream', { station_id: stationId }, metadata));
  }

  const CERTIFICATES: readonly (readonly [string, TestCertificate, string | RegExp])[] = [
    ['a known CN', {}, OK],
    ['a CN that a pattern names', { cn: 'dash-7' }, OK],
    ['a certificate without extended key usage', { eku: 'none' }, OK],
    ['an unknown CN', { cn: 'stranger' }, DENIED],
    ['a known CN in another case', { cn: 'ORAN-CLIENT' }, DENIED],
    ['a pattern that ends in a dot', { cn: 'dash-1.example' }, DENIED],
    ['no CN', { cn: null, o: ['Passband'] }, DENIED],
    ['an empty CN', { cn: '' }, /^7: .*'s CN is empty$/],
    ['a CN of 65 characters', { cn: `dash-${'1'.repeat(60)}` }, /^7: .*longer than 64 characters$/],
    ['a CN of 64 characters', { cn: `dash-${'1'.repeat(59)}` }, OK],
    ['two CNs', { cn: ['oran-client', 'stranger'] }, DENIED],
    ['two CNs, the known one last', { cn: ['stranger', 'oran-client'] }, DENIED],
    ['a CN with NUL', { cn: 'oran-client\0.example' }, DENIED],
    ['a certificate for servers', { eku: 'server' }, /^(7|14): /],
    ['a self-signed certificate', { issuer: 'self' }, NO_CONNECTION],
    ['a certificate of another CA', { issuer: 'other-ca' }, NO_CONNECTION],
    ['an expired certificate', { notBefore: hours(-48), notAfter: hours(-1) }, NO_CONNECTION],
    ['a certificate that is not valid yet', { notBefore: hours(1) }, NO_CONNECTION],
  ];

  it.each(CERTIFICATES)('%s', async (_name, certificate, expected) => {
    const answer = await list(await backend.pki.issue(certificate));
    if (typeof expected === 'string') expect(answer).toBe(expected);
    else expect(answer).toMatch(expected);
  });

  it('refuses a forbidden method to a known caller, with a line for the audit', async () => {
    expect(await start('dashboard', 'sim-1')).toMatch(DENIED);
    const lines = backend.log.filter(({ audit, cn }) => audit === 'deny' && cn === 'dash-1');
    expect(lines).toContainEqual(
      expect.objectContaining({ rpc: 'sdr.oran.IQStreamService/StartStream', code: 'PERMISSION_DENIED' }),
    );
  });

  it('looks at the request, too', async () => {
    const lab = await backend.pki.issue({ cn: 'lab' });
    expect(await start(lab, 'sim-1')).toBe(OK);
    expect(await start(lab, 'adsb')).toMatch(DENIED);
    const iq = await backend.client('sdr.oran.IQStreamService', lab);
    expect(await iq.status(iq.stream('SubscribeIQ', { station_id: 'adsb' }))).toMatchObject({ code: 7 });
  });

  describe('an identity in the metadata', () => {
    let client: Identity;
    let dashboard: Identity;
    const forwarding = (...identities: string[]): Metadata => {
      const metadata = new Metadata();
      for (const identity of identities) metadata.add('x-passband-identity', identity);
      return metadata;
    };
    const identityOf = (pem: string): Identity => identityFromCertificate(new X509Certificate(pem).raw);

    beforeAll(async () => {
      client = identityOf((await backend.pki.pair('client')).certPem);
      dashboard = identityOf((await backend.pki.pair('dashboard')).certPem);
    });

    it('is believed from a delegate, and decided upon', async () => {
      expect(await start('gateway', 'sim-1', forwarding(identityToJson(client)))).toBe(OK);
      expect(await start('gateway', 'sim-1', forwarding(identityToJson(dashboard)))).toMatch(DENIED);
      expect(await list('gateway', forwarding(identityToJson(dashboard)))).toBe(OK);
      expect(backend.log).toContainEqual(
        expect.objectContaining({ msg: 'call', cn: 'oran-client', peerCn: 'passband-gateway', code: 'OK' }),
      );
    });

    it('is refused from anyone else, were it their own', async () => {
      for (const who of ['client', 'dashboard'] as const) {
        for (const identity of [client, dashboard]) {
          expect(await list(who, forwarding(identityToJson(identity)))).toMatch(/^7: .*may not call on behalf/);
        }
      }
      const impostor = await backend.pki.issue({ cn: 'Passband-gateway' });
      expect(await list(impostor, forwarding(identityToJson(client)))).toMatch(DENIED);
      expect(backend.log).toContainEqual(expect.objectContaining({ audit: 'deny', code: 'PERMISSION_DENIED' }));
    });

    it.each<[string, TestCertificate]>([
      ['with a dot behind it', { cn: 'passband-gateway.' }],
      ['with a space behind it', { cn: 'passband-gateway ' }],
      ['with NUL behind it', { cn: 'passband-gateway\0' }],
      ['with a letter that looks the same', { cn: 'p\u0430ssband-gateway' }],
      ['beside another', { cn: ['oran-client', 'passband-gateway'] }],
      ['as OU', { cn: 'oran-client', ou: ['passband-gateway'] }],
      ['as O', { cn: 'oran-client', o: ['CN=passband-gateway'] }],
      ['within the CN', { cn: 'oran-client/CN=passband-gateway' }],
      ['as DNS name', { cn: 'oran-client', dns: ['passband-gateway'] }],
      ['as URI', { cn: 'oran-client', uri: ['cn:passband-gateway'] }],
    ])("is refused from one who has the delegate's name %s", async (_name, certificate) => {
      const forger = await backend.pki.issue(certificate);
      expect(await list(forger, forwarding(identityToJson(client)))).toMatch(DENIED);
    });

    it.each<[string, TestCertificate]>([
      ['of another CA', { cn: 'passband-gateway', issuer: 'other-ca' }],
      ['of its own making', { cn: 'passband-gateway', issuer: 'self' }],
      ['for servers', { cn: 'passband-gateway', eku: 'server' }],
      ['out of date', { cn: 'passband-gateway', notBefore: hours(-48), notAfter: hours(-1) }],
    ])("is refused from one who has the delegate's name in a certificate %s", async (_name, certificate) => {
      const forger = await backend.pki.issue(certificate);
      expect(await list(forger, forwarding(identityToJson(client)))).toMatch(/^(7|14): /);
    });

    it('is taken from its own place alone', async () => {
      const metadata = new Metadata();
      metadata.set('x-passband-identity-bin', Buffer.from(identityToJson(client)));
      metadata.set('x-forwarded-client-cert', identityToJson(client));
      metadata.set('client-cert', identityToJson(client));
      expect(await list('gateway', metadata)).toMatch(DENIED);
      const stranger = await backend.pki.issue({ cn: 'stranger' });
      expect(await list(stranger, metadata)).toMatch(DENIED);
    });

    it('may be missing: the delegate then speaks for itself', async () => {
      expect(await list('gateway')).toMatch(DENIED);
    });

    it.each([
      ['empty', () => ['{}']],
      ['no JSON', () => ['oran-client']],
      ['with an unknown member', () => [identityToJson(client).replace('{', '{"admin":true,')]],
      ['longer than 4 KiB', () => [`${identityToJson(client)}${' '.repeat(4096)}`]],
      ['expired', () => [identityToJson({ ...client, notAfterMs: Date.now() - 1000 })]],
      ['given twice', () => [identityToJson(client), identityToJson(client)]],
      ['given twice, different', () => [identityToJson(client), identityToJson(dashboard)]],
    ])('is refused when it is %s', async (_name, values) => {
      expect(await list('gateway', forwarding(...values()))).toMatch(/^(7|16): /);
    });
  });

  describe('health checks', () => {
    const protos = loadSync(protoPath);
    const checked = async (who: Who, metadata?: Metadata, service = ''): Promise<string> => {
      const health = await backend.client('grpc.health.v1.Health', who, protos);
      try {
        return String((await health.unary('check', { service }, metadata)).status);
      } catch (error) {
        return String(error);
      }
    };
    const watched = async (who: Who): Promise<string> => {
      const health = await backend.client('grpc.health.v1.Health', who, protos);
      const stream = health.stream('watch', { service: '' });
      const refused = health.status(stream).then(({ code }) => String(code));
      const answer = once(stream, 'data').then(([{ status }]) => String(status));
      // Whichever comes first.
      answer.catch(() => {});
      return Promise.race([refused, answer]).finally(() => stream.cancel());
    };
    const SERVING = '1';
    const REFUSED = /7 PERMISSION_DENIED/;

    it('are answered to whom a rule allows them', async () => {
      expect(await checked('client')).toBe(SERVING);
      expect(await checked('client', undefined, 'sdr.oran.IQStreamService')).toBe(SERVING);
      expect(await checked('client', undefined, 'no.such.Service')).toMatch(/5 NOT_FOUND/);
      expect(await watched('client')).toBe(SERVING);
      const probe = await backend.pki.issue({ cn: 'probe' });
      expect(await checked(probe)).toBe(SERVING);
      expect(await watched(probe)).toBe('7');
    });

    it('are refused to everybody else, were it one whom rules name', async () => {
      for (const cn of ['stranger', 'lab', 'dash-7']) {
        const who = await backend.pki.issue({ cn });
        expect(await checked(who)).toMatch(REFUSED);
        expect(await watched(who)).toBe('7');
      }
    });

    it('are answered to a delegate that asks for itself, and for another as that other would be', async () => {
      expect(await checked('gateway')).toBe(SERVING);
      expect(await watched('gateway')).toBe(SERVING);
      const behalfOf = async (name: 'client' | 'dashboard' | 'gateway'): Promise<Metadata> => {
        const { certPem } = await backend.pki.pair(name);
        const metadata = new Metadata();
        metadata.set('x-passband-identity', identityToJson(identityFromCertificate(new X509Certificate(certPem).raw)));
        return metadata;
      };
      expect(await checked('gateway', await behalfOf('gateway'))).toBe(SERVING);
      expect(await checked('gateway', await behalfOf('client'))).toBe(SERVING);
      expect(await checked('gateway', await behalfOf('dashboard'))).toMatch(REFUSED);
    });
  });

  it('says that TLS refused a certificate, from where and why', async () => {
    const other = await backend.pki.issue({ issuer: 'other-ca' });
    const before = backend.log.length;
    const client = await backend.client('sdr.oran.StationService', other);
    expect(await refusal(client.unary('ListStations', {}))).toMatch(NO_CONNECTION);
    const line = backend.log.slice(before).find(({ msg }) => msg === 'a client certificate was refused');
    expect(line).toMatchObject({ level: 40, remote: '127.0.0.1', reason: expect.stringMatching(/CERT|SIGNATURE/) });
  });

  it('ends a stream when the certificate expires', async () => {
    const brief = await backend.pki.issue({ notAfter: new Date(Date.now() + 3000) });
    const iq = await backend.client('sdr.oran.IQStreamService', brief);
    const stream = iq.stream('SubscribeIQ', { station_id: 'sim-1' });
    await once(stream, 'metadata');
    expect(await iq.status(stream)).toMatchObject({ code: 16 });
    // Its connection is on its way to its end: the next call is refused on it, or finds it gone and no other.
    const next = await refusal(iq.unary('GetStreamStats', { station_id: 'sim-1' }));
    expect(next).toMatch(ENDED);
  });

  describe('TLS', () => {
    it('serves TLS 1.3 and 1.2, with authenticated encryption', async () => {
      expect(await backend.tls({})).toMatch(/^TLSv1.3 TLS_AES_256_GCM_SHA384$/);
      expect(await backend.tls({ maxVersion: 'TLSv1.2' })).toMatch(/^TLSv1.2 ECDHE-ECDSA-AES\d+-GCM-SHA\d+$/);
    });

    it.each([
      ['TLS 1.1', { maxVersion: 'TLSv1.1' as const, ciphers: 'ALL:@SECLEVEL=0' }],
      ['CBC suites', { maxVersion: 'TLSv1.2' as const, ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA' }],
      ['no certificate', { who: null }],
      ['no certificate in TLS 1.2', { who: null, maxVersion: 'TLSv1.2' as const }],
    ])('refuses %s', async (_name, options) => {
      expect(await backend.tls(options)).toMatch(/alert|closed/);
    });
  });
});

describe('a certificate about which a responder is asked', () => {
  const REVOKED = 'the client certificate has been revoked';
  const asked: string[] = [];
  let isRevoked = false;
  let backend: BackendUnderTest;
  beforeAll(async () => {
    const ocsp = {
      fault: async ({ leaf }: PeerChain): Promise<string | undefined> => {
        asked.push(leaf.subject);
        return isRevoked ? REVOKED : undefined;
      },
    };
    backend = await BackendUnderTest.start({ stations: DEFAULT_STATIONS, ocsp });
  });
  afterAll(() => backend.stop());

  it('is asked about for each call, and refused with its connection when it is revoked', async () => {
    const stations = await backend.client('sdr.oran.StationService');
    expect(await refusal(stations.unary('ListStations', {}))).toBe(OK);
    expect(asked).toEqual([expect.stringContaining('CN=oran-client')]);
    isRevoked = true;
    expect(await refusal(stations.unary('ListStations', {}))).toBe(`16: ${REVOKED}`);
    await backend.connectionsBecome(0);
  });
});

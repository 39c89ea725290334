import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { decide } from '../../../src/gateway/guard/decide.ts';
import { identityFromCertificate } from '../../../src/gateway/guard/identity.ts';
import {
  certificateFault,
  type LiveCall,
  type LiveConnection,
  LiveConnections,
  type Recheck,
} from '../../../src/gateway/guard/live-connections.ts';
import type { StreamEnd } from '../../../src/gateway/guard/live-streams.ts';
import { type Policy, parsePolicy } from '../../../src/gateway/guard/policy.ts';
import { loadMaterial } from '../../../src/trust/material.ts';
import { NO_REVOCATION_LISTS } from '../../../src/trust/revocation-lists.ts';
import type { Trust } from '../../../src/trust/trust.ts';
import { makeTestPki, type TestCertificate, type TestPki } from '../../support/pki.ts';
import { until } from '../../support/until.ts';
import { knownMethods } from './known-methods.ts';

let pki: TestPki;
let goodTrust: Trust;
let trust: Trust;
let policy: Policy;
let told: Recheck[];
let moments: number;
let live: LiveConnections;

const policyOf = (subject: string, methods = '*', where = ''): Policy =>
  parsePolicy(
    `version: 1\nrules: [{ name: "${subject}", subjects: ["${subject}"], allow: [{ methods: ["${methods}"]${where} }] }]`,
    'policy.yaml',
    knownMethods,
  );

beforeAll(async () => {
  pki = await makeTestPki();
  goodTrust = { authorities: [new X509Certificate(pki.caPem)], revocations: NO_REVOCATION_LISTS, staleLists: 'refuse' };
});
afterAll(() => pki?.remove());
afterEach(() => live?.stop());

/** Begins anew, with trust in what it is by then. */
function start(atFirst: Trust = goodTrust): void {
  trust = atFirst;
  policy = policyOf('cn:oran-client');
  told = [];
  moments = 0;
  live = new LiveConnections({
    policy: () => policy,
    trust: () => trust,
    onRecheck: (ended) => told.push(ended),
    onMoment: () => moments++,
  });
}

const METHOD = 'sdr.oran.SpectrumMonitorService/StreamSpectrum';

interface Opened extends LiveConnection {
  closed: number;
  readonly ends: StreamEnd[];
  leave(): void;
}

/** A connection with one call for each request. */
async function open(certificate: TestCertificate, ...stations: readonly string[]): Promise<Opened> {
  const leaf = new X509Certificate((await pki.issue(certificate)).certPem);
  const ends: StreamEnd[] = [];
  const identity = certificate.cn === null ? undefined : identityFromCertificate(leaf.raw);
  const calls = stations.map((station_id): LiveCall => {
    const request = { station_id };
    const decision = identity && decide(policy, identity, METHOD, request, Date.now());
    if (decision?.allow !== true) throw new Error('the test means a call that is allowed');
    return { grant: { method: METHOD, request, decision }, end: (status) => ends.push(status) };
  });
  const opened: Opened = {
    chain: { leaf, intermediates: [] },
    identity,
    calls: new Set(calls),
    closed: 0,
    ends,
    close: () => opened.closed++,
    leave: () => {},
  };
  opened.leave = live.add(opened);
  return opened;
}

describe('what is judged again', () => {
  it('goes on when nothing has changed, and nobody is told', async () => {
    start();
    const connection = await open({}, 'gs-1');
    expect(live.recheck()).toEqual({ calls: 0, connections: 0 });
    expect([connection.closed, connection.ends, told]).toEqual([0, [], []]);
  });

  it('goes on under the rule that allows it now', async () => {
    start();
    const connection = await open({}, 'gs-1');
    policy = policyOf('cn:oran-*', METHOD, ', limits: { concurrentStreams: 3 }');
    live.recheck();
    const [call] = connection.calls;
    expect([connection.closed, connection.ends]).toEqual([0, []]);
    expect(call?.grant?.decision).toMatchObject({ rule: 'cn:oran-*', limits: { concurrentStreams: 3 } });
  });

  it('ends by the policy, call by call, and the connection stays', async () => {
    start();
    const connection = await open({}, 'gs-1', 'gs-2');
    policy = policyOf('cn:oran-client', METHOD, ', where: { station_id: ["gs-1"] }');
    expect(live.recheck()).toEqual({ calls: 1, connections: 0 });
    expect(connection).toMatchObject({ closed: 0, ends: [{ code: 'PERMISSION_DENIED' }] });
  });

  it('goes on while messages are still to come that a rule may allow', async () => {
    start();
    const connection = await open({}, 'gs-1');
    const [{ grant } = { grant: undefined }] = connection.calls;
    if (grant === undefined) throw new Error('the test means a call that was let in');
    const waiting: LiveCall = {
      grant: { ...grant, request: {}, extent: 'part' },
      end: (status) => connection.ends.push(status),
    };
    connection.calls.add(waiting);
    policy = policyOf('cn:oran-client', METHOD, ', where: { station_id: ["gs-1"] }');
    expect(live.recheck()).toEqual({ calls: 0, connections: 0 });
    // Still so the next time.
    expect(live.recheck()).toEqual({ calls: 0, connections: 0 });
    waiting.grant = { ...grant, request: {} };
    expect(live.recheck()).toEqual({ calls: 1, connections: 0 });
  });

  it('closes with its calls when no rule names the caller, and idle ones too', async () => {
    start();
    const [busy, idle, nameless] = [await open({}, 'gs-1'), await open({}), await open({ cn: null })];
    policy = policyOf('cn:somebody-else');
    expect(live.recheck()).toEqual({ calls: 1, connections: 2 });
    expect([busy.closed, busy.ends, idle.closed]).toEqual([
      1,
      [{ code: 'PERMISSION_DENIED', message: 'no rule names this caller' }],
      1,
    ]);
    // Nobody loses a name that they never had.
    expect([nameless.closed, live.size]).toEqual([0, 1]);
  });

  it('closes with its calls when its authority is gone, whatever the policy says', async () => {
    start();
    const [connection, nameless] = [await open({}, 'gs-1', 'gs-2'), await open({ cn: null })];
    connection.calls.add({ grant: undefined, end: (status) => connection.ends.push(status) });
    trust = { ...goodTrust, authorities: [] };
    expect(live.recheck()).toEqual({ calls: 3, connections: 2 });
    expect([connection.closed, nameless.closed]).toEqual([1, 1]);
    expect(new Set(connection.ends.map(({ code }) => code))).toEqual(new Set(['UNAUTHENTICATED']));
    expect(told).toEqual([{ calls: 3, connections: 2 }]);
    // What was ended is not ended again.
    expect(live.recheck()).toEqual({ calls: 0, connections: 0 });
  });

  it('is no longer there once it has left', async () => {
    start();
    const connection = await open({}, 'gs-1');
    connection.leave();
    trust = { ...goodTrust, authorities: [] };
    expect(live.recheck()).toEqual({ calls: 0, connections: 0 });
    expect(connection.closed).toBe(0);
  });
});

describe('moments', () => {
  const soon = (): Date => new Date(Math.ceil((Date.now() + 500) / 1000) * 1000);

  it('a certificate that runs out ends its own connection alone', async () => {
    start();
    const notAfter = soon();
    const [first, second] = [await open({ notAfter }, 'gs-1'), await open({}, 'gs-1')];
    await until(
      'the moment has come',
      () => first.closed,
      (closed) => closed === 1,
    );
    expect(Date.now()).toBeGreaterThan(notAfter.getTime());
    expect(first.ends).toEqual([{ code: 'UNAUTHENTICATED', message: 'the client certificate has expired' }]);
    expect([second.closed, moments]).toEqual([0, 1]);
  });

  const HOUR_MS = 3_600_000;
  afterEach(() => {
    jest.restoreAllMocks();
  });
  const anHourLater = async (): Promise<void> => {
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + HOUR_MS);
    await until('the moment has come', () => moments === 1);
  };

  it('one that runs out is waited for after all were judged again, too', async () => {
    start();
    const notAfter = new Date(Date.now() + HOUR_MS / 2);
    const [first, second] = [await open({ notAfter }, 'gs-1'), await open({}, 'gs-1')];
    expect(live.recheck()).toEqual({ calls: 0, connections: 0 });
    await anHourLater();
    expect([first.closed, first.ends.length, second.closed]).toEqual([1, 1, 0]);
  });

  describe('a revocation list that goes out of date', () => {
    /** The CA's list, good for half an hour more. */
    const underList = async (staleLists: Trust['staleLists']): Promise<Trust> => {
      await pki.crl([], { nextUpdate: new Date(Date.now() + HOUR_MS / 2) });
      return (await loadMaterial(pki.dir, [], { crlFiles: [], staleLists })).trust;
    };
    const end = { code: 'UNAUTHENTICATED', message: 'the revocation list for the client certificate is out of date' };

    it('ends at that moment whatever is of its CA', async () => {
      start(await underList('refuse'));
      const [busy, idle] = [await open({}, 'gs-1'), await open({})];
      await anHourLater();
      expect([busy.closed, busy.ends, idle.closed]).toEqual([1, [end], 1]);
      expect(told).toEqual([{ calls: 1, connections: 2 }]);
    });

    it('does so where it came into use later', async () => {
      start();
      const connection = await open({}, 'gs-1');
      trust = await underList('refuse');
      expect(live.recheck()).toEqual({ calls: 0, connections: 0 });
      await anHourLater();
      expect([connection.closed, connection.ends]).toEqual([1, [end]]);
    });

    it('ends nothing where that is only warned of', async () => {
      start(await underList('warn'));
      const connection = await open({}, 'gs-1');
      await anHourLater();
      expect([connection.closed, connection.ends, told]).toEqual([0, [], []]);
    });
  });

  it('one that has run out already is left to be refused at its first request', async () => {
    start();
    const connection = await open({ notAfter: new Date(Date.now() - 2000) });
    expect([connection.closed, moments]).toEqual([0, 0]);
    expect(certificateFault(trust, connection.chain, Date.now())).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

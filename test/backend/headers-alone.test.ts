import { connect } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Audit, noAudit } from '../../src/audit/audit.ts';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import type { TestFiles } from '../support/pki.ts';
import { until } from '../support/until.ts';
import { BackendUnderTest, policyOf } from './backend-under-test.ts';
import { FrameRun } from './frame-run.ts';

const POLICY = policyOf(`version: 1
rules:
  - name: sim
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/*"], where: { station_id: ["sim-*"] }, limits: { concurrentStreams: 1 } }]
  - name: recordings
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/*"], where: { station_id: ["adsb"] }, limits: { concurrentStreams: 2 } }]
  - name: stations
    subjects: ["cn:dash-*"]
    allow: [{ methods: ["sdr.oran.StationService/*"] }]
`);
/** Streams of one caller by both rules of them. */
const PLACES = 3;
const SUBSCRIBE = '/sdr.oran.IQStreamService/SubscribeIQ';

/** An HTTP/2 client that sends headers of calls, and their messages or not. */
class HeadersOnly {
  readonly #session: ReturnType<typeof connect>;

  constructor({ backend, pki }: BackendUnderTest, { certPem, keyPem }: TestFiles) {
    this.#session = connect(`https://localhost:${backend.port}`, { ca: pki.caPem, cert: certPem, key: keyPem });
    this.#session.on('error', () => {});
  }

  /** Begins a call; the promise is of its gRPC status. */
  call(path: string): { readonly status: Promise<string>; halfClose(): void; cancel(): void } {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = this.#session.request(headers, { endStream: false });
    const status = new Promise<string>((resolve) => {
      const take = (headers: Readonly<Record<string, unknown>>): void => {
        if (headers['grpc-status'] !== undefined) resolve(`${headers['grpc-status']}: ${headers['grpc-message']}`);
      };
      stream.on('response', take).on('trailers', take);
      stream.on('error', () => {}).on('close', () => resolve('no status'));
    });
    stream.resume();
    return { status, halfClose: () => stream.end(), cancel: () => stream.close(8) };
  }

  close(): void {
    (this.#session.socket as TLSSocket | undefined)?.destroy();
    this.#session.destroy();
  }
}

describe('calls whose headers come without a message', () => {
  let backend: BackendUnderTest;
  const clients: HeadersOnly[] = [];
  let decisions: string[];
  /** Decisions alone are looked at. */
  const audit: Audit = {
    ...noAudit,
    decision: (_facts, { outcome, code, reason }) => decisions.push(`${outcome} ${code}: ${reason}`),
  };
  beforeEach(() => {
    decisions = [];
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await backend.stop();
  });

  async function silent(who: TestFiles): Promise<HeadersOnly> {
    const client = new HeadersOnly(backend, who);
    clients.push(client);
    return client;
  }

  it('end, streams and others alike, with a line for each', async () => {
    backend = await BackendUnderTest.start({ policy: POLICY, firstMessageMs: 500, audit });
    const client = await silent(await backend.pki.issue({ cn: 'dash-1' }));
    for (const path of [SUBSCRIBE, '/sdr.oran.StationService/ListStations']) {
      expect(decodeURI(await client.call(path).status)).toBe('4: no message came within 0.5 s');
    }
    expect(decisions).toEqual(Array(2).fill('deny DEADLINE_EXCEEDED: no message came within 0.5 s'));
  });

  it('have places like streams, each caller its own, and give them back', async () => {
    backend = await BackendUnderTest.start({ policy: POLICY, stations: DEFAULT_STATIONS });
    const dash = await backend.pki.issue({ cn: 'dash-1' });
    const client = await silent(dash);
    const waiting = Array.from({ length: PLACES }, () => client.call(SUBSCRIBE));
    // Another connection of the same holder shares its places.
    const oneMore = (await silent(dash)).call(SUBSCRIBE);
    const refused = await Promise.race([...waiting, oneMore].map(({ status }) => status));
    expect(decodeURI(refused)).toBe(`8: no more than ${PLACES} streams at one time`);

    const other = await backend.client('sdr.oran.IQStreamService', await backend.pki.issue({ cn: 'dash-2' }));
    const theirs = new FrameRun(other.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1024 }));
    await theirs.more(1);
    theirs.stream.cancel();

    for (const { cancel } of [...waiting, oneMore]) cancel();
    await until('the waiting calls are over', () => backend.log.filter(({ msg }) => msg === 'call').length > PLACES);
    const iq = await backend.client('sdr.oran.IQStreamService', dash);
    const mine = new FrameRun(iq.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1024 }));
    await mine.more(1);
    mine.stream.cancel();
  });

  it('keep nobody out who may still find a place by another rule', async () => {
    backend = await BackendUnderTest.start({ policy: POLICY, stations: DEFAULT_STATIONS });
    const iq = await backend.client('sdr.oran.IQStreamService', await backend.pki.issue({ cn: 'dash-1' }));
    // All at once: the headers of all may come before the first message.
    const runs = ['adsb', 'adsb', 'sim-1'].map(
      (id) => new FrameRun(iq.stream('SubscribeIQ', { station_id: id, batch_size_samples: 1024 })),
    );
    for (const run of runs) await run.more(1);
    for (const { stream } of runs) stream.cancel();
  });

  it('leave a line when they are given up, or come to an end without a message', async () => {
    backend = await BackendUnderTest.start({ policy: POLICY, audit });
    const client = await silent(await backend.pki.issue({ cn: 'dash-1' }));
    const ended = client.call('/sdr.oran.StationService/ListStations');
    ended.halfClose();
    expect(await ended.status).not.toBe('no status');
    expect(decisions).toEqual(['allow OK: rule "stations" allows it']);
    // One that is answered before it has said anything.
    await client.call('/sdr.oran.StationService/NoSuchMethod').status;
    expect(decisions[1]).toBe('allow OK: rule "stations" allows it');
    client.call(SUBSCRIBE);
    // The answer to the second tells that the first has come.
    const next = client.call('/sdr.oran.StationService/ListStations');
    next.halfClose();
    await next.status;
    client.close();
    await until('a line of the one that was given up', () => decisions.length === 4);
    expect(decisions[3]).toBe('allow OK: rule "sim" allows it');
    const rpc = SUBSCRIBE.slice(1);
    const end = await until('its end', () => backend.log.find((line) => line.msg === 'call' && line.rpc === rpc));
    expect(end).toMatchObject({ cn: 'dash-1', messagesIn: 0 });
  });
});

import { X509Certificate } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_STATIONS } from '../../src/backend/stations/default-stations.ts';
import { loadKnownMethods } from '../../src/cli/known-methods.ts';
import { identityFromCertificate } from '../../src/gateway/guard/identity.ts';
import { identityToJson } from '../../src/gateway/guard/identity-json.ts';
import { type Policy, parsePolicy } from '../../src/gateway/guard/policy.ts';
import type { TestFiles } from '../support/pki.ts';
import { BackendUnderTest, type Caller, refusal } from './backend-under-test.ts';
import { FrameRun } from './frame-run.ts';

const BYTES_PER_SECOND = 200_000;
const STATS = { station_id: 'sim-1' };

const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: few-streams
    subjects: ["cn:few-*"]
    allow: [{ methods: ["sdr.oran.IQStreamService/*"], limits: { concurrentStreams: 2 } }]
  - name: few-requests
    subjects: ["cn:seldom"]
    allow: [{ methods: ["sdr.oran.IQStreamService/*"], limits: { requestsPerMinute: 3 } }]
  - name: slowly
    subjects: ["cn:slow-*"]
    allow: [{ methods: ["sdr.oran.*/*"], limits: { bytesPerSecond: ${BYTES_PER_SECOND} } }]
  - name: narrow
    subjects: ["cn:narrow"]
    allow:
      - methods: ["sdr.oran.IQStreamService/SubscribeIQ", "sdr.oran.IQStreamService/StartStream"]
        limits: { maxSampleRateHz: 1500000 }
`;

describe('limits of who calls the backend without a gateway', () => {
  let backend: BackendUnderTest;
  beforeAll(async () => {
    const policy: Policy = parsePolicy(POLICY, 'policy.yaml', await loadKnownMethods([]));
    backend = await BackendUnderTest.start({ stations: DEFAULT_STATIONS, policy });
  });
  afterAll(() => backend.stop());

  const iq = async (who: TestFiles | 'gateway'): Promise<Caller> => backend.client('sdr.oran.IQStreamService', who);
  const named = (cn: string): Promise<TestFiles> => backend.pki.issue({ cn });

  async function open(caller: Caller, metadata?: Metadata): Promise<FrameRun> {
    const run = new FrameRun(caller.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1024 }, metadata));
    await run.more(1);
    return run;
  }

  it('concurrentStreams: one more is refused, each caller has its own, and a place comes back', async () => {
    const caller = await iq(await named('few-1'));
    const [first, second] = [await open(caller), await open(caller)];
    const third = await caller.status(caller.stream('SubscribeIQ', { station_id: 'sim-1' }));
    expect(third).toEqual({ code: 8, details: 'no more than 2 streams at one time' });
    expect(backend.log).toContainEqual(
      expect.objectContaining({ audit: 'deny', cn: 'few-1', code: 'RESOURCE_EXHAUSTED', rule: 'few-streams' }),
    );
    // Another connection of the same holder shares its places; another holder has its own.
    const again = await iq(await named('few-1'));
    expect(await again.status(again.stream('SubscribeIQ', { station_id: 'sim-1' }))).toMatchObject({ code: 8 });
    const other = await open(await iq(await named('few-2')));
    expect(await refusal(caller.unary('GetStreamStats', STATS))).toBe('no error');
    first.stream.cancel();
    await first.end;
    const fourth = await openWhenFree(caller);
    for (const { stream } of [second, other, fourth]) stream.cancel();
  });

  /** The backend learns of a cancelled stream a moment after its client. */
  async function openWhenFree(caller: Caller): Promise<FrameRun> {
    for (;;) {
      const run = new FrameRun(caller.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1024 }));
      const code = await Promise.race([
        run.end.then((end) => end.code),
        run.more(1).then(
          () => undefined,
          () => 8,
        ),
      ]);
      if (code === undefined) return run;
      expect(code).toBe(8);
    }
  }

  it('concurrentStreams: those of a gateway are its to count', async () => {
    const metadata = new Metadata();
    const { certPem } = await named('few-3');
    metadata.set('x-passband-identity', identityToJson(identityFromCertificate(new X509Certificate(certPem).raw)));
    const gateway = await iq('gateway');
    const runs = [await open(gateway, metadata), await open(gateway, metadata), await open(gateway, metadata)];
    for (const { stream } of runs) stream.cancel();
  });

  it('requestsPerMinute: one more is refused', async () => {
    const caller = await iq(await named('seldom'));
    for (const _ of [1, 2, 3]) expect(await refusal(caller.unary('GetStreamStats', STATS))).toBe('no error');
    expect(await refusal(caller.unary('GetStreamStats', STATS))).toBe('8: no more than 3 requests a minute');
    const stream = await caller.status(caller.stream('SubscribeIQ', { station_id: 'sim-1' }));
    expect(stream).toEqual({ code: 8, details: 'no more than 3 requests a minute' });
  });

  it('bytesPerSecond: two streams of one caller share it, and lose what does not fit', async () => {
    const caller = await iq(await named('slow-1'));
    const beganMs = performance.now();
    let bytes = 0;
    const runs = [0, 1].map(() => {
      const run = new FrameRun(caller.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 1024 }));
      run.stream.on('data', ({ data }: { data: Buffer }) => {
        bytes += data.length;
      });
      return run;
    });
    // 8 MB/s each are there to be had.
    await Promise.all(runs.map((run) => run.more(30)));
    const seconds = (performance.now() - beganMs) / 1000;
    const frame = 1024 * 8;
    expect(bytes).toBeLessThan(BYTES_PER_SECOND * (seconds + 1) + 2 * frame);
    for (const { stream } of runs) stream.cancel();
  });

  it('bytesPerSecond: an answer that would come at once is refused while too much has gone', async () => {
    const caller = await iq(await named('slow-2'));
    const run = new FrameRun(caller.stream('SubscribeIQ', { station_id: 'sim-1', batch_size_samples: 65_536 }));
    await run.more(1);
    expect(await refusal(caller.unary('GetStreamStats', STATS))).toBe('8: no more than 200000 bytes a second');
    run.stream.cancel();
    const other = await iq(await named('slow-3'));
    expect(await refusal(other.unary('GetStreamStats', STATS))).toBe('no error');
  });

  it('maxSampleRateHz: neither asked for nor received', async () => {
    const caller = await iq(await named('narrow'));
    const tooFast = { code: 7, details: expect.stringContaining('1500000') };
    expect(await refusal(caller.unary('StartStream', { station_id: 'sim-1', sample_rate: 2e6 }))).toMatch(
      /^7: .*1500000/,
    );
    // adsb has 2 million samples a second, sim-1 half of it.
    const fast = new FrameRun(caller.stream('SubscribeIQ', { station_id: 'adsb' }));
    expect(await fast.end).toMatchObject(tooFast);
    expect(fast.count).toBe(0);
    const slow = await open(caller);
    slow.stream.cancel();
    expect(backend.log).toContainEqual(
      expect.objectContaining({
        audit: 'deny',
        cn: 'narrow',
        rule: 'narrow',
        rpc: 'sdr.oran.IQStreamService/SubscribeIQ',
      }),
    );
  });
});

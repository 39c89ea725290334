// needs: python-grpc, python-compression
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { patientClock } from '../../../support/patient-clock.ts';
import type { TestFiles } from '../../../support/pki.ts';
import { until } from '../../../support/until.ts';
import { BackendUnderTest, type Caller, policyOf } from '../../backend-under-test.ts';
import { batchOf, bytesOf, PushingClient, pushStation } from './producer-under-test.ts';

const SAMPLES = 8192;
const RULES =
  'version: 1\nrules: [{ name: fleet, subjects: ["cn:fleet-*", "cn:oran-client"], allow: [{ methods: ["*"] }] }]';

/** The noise that the producer makes for a batch. */
function noise(batch: number): number[] {
  let state = batch;
  return Array.from({ length: 2 * SAMPLES }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (Math.floor(state / 65_536) - 32_768) / 32_768;
  });
}

let backend: BackendUnderTest;
let client: Caller;
let stubs: string;
let who: TestFiles;
let python: ChildProcessWithoutNullStreams;
let lines: AsyncIterator<string>;
const line = async (): Promise<string> => String((await lines.next()).value);

beforeAll(async () => {
  stubs = await mkdtemp(join(tmpdir(), 'passband-stubs-'));
  backend = await BackendUnderTest.start({
    clock: patientClock(),
    policy: policyOf(RULES),
    stations: [pushStation('gs-1', 'cf32_le', { seconds: 5 }), pushStation('gs-2', 'cf32_le', { seconds: 5 })],
  });
  who = await backend.pki.issue({ cn: 'fleet-1' });
  client = await backend.client('sdr.oran.IQStreamService');
});
afterAll(async () => {
  await backend?.stop();
  await rm(stubs, { recursive: true, force: true });
});
beforeEach(() => {
  const script = fileURLToPath(new URL('fleet-producer.py', import.meta.url));
  const contract = fileURLToPath(new URL('../../../fixtures/wire-contract', import.meta.url));
  const ca = join(backend.pki.dir, 'ca.crt');
  const args = [script, contract, stubs, String(backend.backend.port), ca, who.certFile, who.keyFile];
  const station = backend.log.some(({ producer }) => producer === 'fleet-1') ? 'gs-2' : 'gs-1';
  python = spawn('/usr/bin/python3', [...args, station]);
  python.stderr.pipe(process.stderr);
  lines = createInterface(python.stdout)[Symbol.asyncIterator]();
});
afterEach(() => void python.kill('SIGKILL'));

async function expectAcks(): Promise<void> {
  expect(await line()).toBe('started True');
  for (let n = 0; n < 6; n++) expect(await line()).toBe(`ack ${n} ${n + 1} 0 True`);
}

it('a Python producer of the fleet, made of its own contract, pushes samples as they are and by Zstandard and LZ4', async () => {
  await expectAcks();
  const read = await client.take('SubscribeIQ', { station_id: 'gs-1', start: 'EARLIEST' }, 6);
  for (const [n, frame] of read.entries()) {
    expect(frame).toMatchObject({
      sample_index: String(n * SAMPLES),
      timestamp_ns: String(1_767_225_600_000_000_000n + BigInt(n * SAMPLES) * 1000n),
      center_frequency_hz: 12.5e9,
      sample_rate: 1e6,
      snr_db: 11.5,
      agc_locked: true,
      lost_samples: '0',
    });
    expect(frame.data?.equals(bytesOf(noise(n)))).toBe(true);
  }
  const stations = await backend.client('sdr.oran.StationService');
  expect(await stations.unary('GetStation', { station_id: 'gs-1' })).toMatchObject({
    producer: 'fleet-1',
    band: 'Ku-band',
  });
  python.stdin.end();
  expect(await line()).toBe('end [] OK');
});

it('one that is killed gives its place to the next, and what it had pushed stays', async () => {
  await expectAcks();
  const second = new PushingClient(client);
  second.send(batchOf('gs-2', 0));
  expect(await second.ended).toMatch(/^6: station gs-2 has a producer already/);
  python.kill('SIGKILL');
  const stations = await backend.client('sdr.oran.StationService');
  await until(
    'a free place',
    () => stations.unary('GetStation', { station_id: 'gs-2' }),
    ({ producer }) => producer === '',
  );
  const next = new PushingClient(client);
  await next.push(batchOf('gs-2', 0));
  const read = await client.take('SubscribeIQ', { station_id: 'gs-2', start: 'EARLIEST' }, 6);
  expect(read.map(({ data }, n) => data?.equals(bytesOf(noise(n))))).toEqual([true, true, true, true, true, true]);
  await next.end();
});

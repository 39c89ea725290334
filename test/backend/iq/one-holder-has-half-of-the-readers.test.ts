import { once } from 'node:events';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { MAX_TAPS_PER_HOLDER } from '../../../src/backend/iq/readers.ts';
import { DEFAULT_STATIONS } from '../../../src/backend/stations/default-stations.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import { BackendUnderTest, type Caller, type Message, policyOf } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';

const POLICY = policyOf(`version: 1
rules:
  - name: everybody
    subjects: ["cn:oran-client", "cn:another-client"]
    allow: [{ methods: ["sdr.oran.*/*"] }]
`);

let pki: TestPki;
let backend: BackendUnderTest;

beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());
beforeEach(async () => {
  // Time stands still: a thousand readers who were given samples would tell nothing more.
  backend = await BackendUnderTest.start({ pki, policy: POLICY, clock: new ManualClock(), stations: DEFAULT_STATIONS });
});
afterEach(() => backend.stop());

const REFUSED = (of: string): object => ({
  code: 8,
  details: `${of} has ${MAX_TAPS_PER_HOLDER} readers of this certificate's holder, and no more for one; end some of them first`,
});

/** A call that is let in, or its status. */
async function open(iq: Caller, request: object): Promise<ClientReadableStream<Message> | object> {
  const stream = iq.stream('SubscribeIQ', request);
  const status = iq.status(stream);
  return Promise.race([once(stream, 'metadata').then(() => stream), status]);
}

it.each([
  ['the station', { station_id: 'sim-1' }],
  ['this part of the band', { station_id: 'sim-1', output_rate: 100_000 }],
])('of %s; others still find room there', async (of, request) => {
  const one = await backend.client('sdr.oran.IQStreamService');
  // Another connection of the same holder is no way around it.
  const again = await backend.client('sdr.oran.IQStreamService', await pki.issue());
  const other = await backend.client('sdr.oran.IQStreamService', await pki.issue({ cn: 'another-client' }));
  const held = await Promise.all(Array.from({ length: MAX_TAPS_PER_HOLDER }, () => open(one, request)));
  expect(held.filter((stream) => !('cancel' in stream))).toEqual([]);
  expect(await open(one, request)).toMatchObject(REFUSED(of));
  expect(await open(again, request)).toMatchObject(REFUSED(of));
  expect(await open(other, request)).toHaveProperty('cancel');
  // Whoever ends one has room for another.
  const stations = await backend.client('sdr.oran.StationService');
  const [first] = held;
  if (first !== undefined && 'cancel' in first && typeof first.cancel === 'function') first.cancel();
  while ((await stations.unary('GetStation', { station_id: 'sim-1' })).subscribers !== MAX_TAPS_PER_HOLDER);
  expect(await open(again, request)).toHaveProperty('cancel');
});

it('and with them spectra, downloads and other parts of the band count', async () => {
  const request = { station_id: 'sim-1' };
  const iq = await backend.client('sdr.oran.IQStreamService');
  const spectrum = await backend.client('sdr.oran.SpectrumMonitorService');
  await Promise.all(Array.from({ length: MAX_TAPS_PER_HOLDER }, () => open(iq, request)));
  const refused = REFUSED('the station');
  expect(await iq.status(iq.stream('DownloadIQ', request))).toMatchObject(refused);
  expect(await spectrum.status(spectrum.stream('StreamSpectrum', request))).toMatchObject(refused);
  await expect(spectrum.unary('GetSpectrum', request)).rejects.toMatchObject(refused);
});

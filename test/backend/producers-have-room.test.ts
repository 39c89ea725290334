import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '../support/until.ts';
import { BackendUnderTest } from './backend-under-test.ts';

let backend: BackendUnderTest;

beforeAll(async () => {
  backend = await BackendUnderTest.start();
});
afterAll(() => backend?.stop());

// What a peer may send ahead of us, by its own count: a round trip of 50 ms at 80 MB/s is 4 MB.
it('gives a peer windows that a fast producer does not fill in a round trip, for each stream and for its connection', async () => {
  const { certPem, keyPem } = await backend.pki.pair('client');
  const session = connect(`https://localhost:${backend.backend.port}`, {
    ca: backend.pki.caPem,
    cert: certPem,
    key: keyPem,
  });
  const windows = await until(
    'the windows',
    () => [session.remoteSettings.initialWindowSize ?? 0, session.state.remoteWindowSize ?? 0],
    (sizes) => sizes.every((size) => size >= 4_000_000),
  );
  expect(windows).toEqual([8 * 1024 * 1024, 16 * 1024 * 1024]);
  session.destroy();
});

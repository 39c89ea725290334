import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDevPki } from '../../src/pki/dev.ts';

/** Before all tests: makes the PKI that the PKIs of tests are copies of (see makeTestPki), since making one takes half a second. */
export default async function setUp() {
  const dir = await mkdtemp(join(tmpdir(), 'passband-pki-of-run-'));
  await ensureDevPki(join(dir, 'certs'));
  process.env.PASSBAND_TEST_PKI = dir;
}

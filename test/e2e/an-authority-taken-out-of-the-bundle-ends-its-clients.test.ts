import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAuthority, type IssuedCertificate, issueLeaf, SUBJECT_OIDS } from '../../src/pki/authority.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const IQ = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8';
const DAY_MS = 86_400_000;

let stack: Stack;
let newRoot: IssuedCertificate;
const callers: Caller[] = [];

function caller(pair: IssuedCertificate): Caller {
  const made = callerOf(stack.gatewayUrl, stack.pki.caPem, pair, true);
  callers.push(made);
  return made;
}

const bundle = (...parts: readonly string[]): Promise<void> =>
  replaceFile(join(stack.certsDir, 'ca.crt'), parts.join('\n'));

beforeAll(async () => {
  stack = await startStack({ backendApart: true });
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  newRoot = await createAuthority('The next CA', validity);
});
afterAll(async () => {
  for (const made of callers) await made.close();
  await stack?.close();
});

test('old and new root side by side let both in; without its root a client loses stream, connection and entrance', async () => {
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const subject = [{ type: SUBJECT_OIDS.CN, value: 'oran-client' }];
  const ofNewRoot = caller(await issueLeaf(newRoot, { subject, purpose: 'client', validity }));
  const ofOldRoot = caller(await stack.pki.issue());
  await expect(ofNewRoot.call('/whoami')).rejects.toThrow();

  await bundle(stack.pki.caPem, newRoot.certPem);
  const status = (who: Caller) =>
    who.call('/whoami').then(
      (answer) => answer.status,
      () => 0,
    );
  await until(
    'the new root is believed',
    () => status(ofNewRoot),
    (code) => code === 200,
  );
  const lost = new FrameReader(await ofNewRoot.events(IQ));
  const kept = new FrameReader(await ofOldRoot.events(IQ));
  await lost.until(() => lost.frames.length >= 3);

  await bundle(stack.pki.caPem);
  await lost.until(() => false);
  expect(lost.end?.status).toMatchObject({
    code: 16,
    message: expect.stringContaining('no authority that is trusted'),
  });
  await until(
    'it is refused in the handshake',
    () => status(ofNewRoot),
    (code) => code === 0,
  );
  await kept.until(() => kept.frames.length >= 30);
  expect({ gaps: kept.gaps, end: kept.end }).toEqual({ gaps: [], end: undefined });
  kept.stop();
});

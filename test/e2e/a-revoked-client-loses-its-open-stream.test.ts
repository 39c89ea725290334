import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { Revoker } from '../support/revocation.ts';
import { connectionsOpen, type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let revoker: Revoker;
const callers: Caller[] = [];

/** A client with a certificate of its own, of the same name as all others. */
async function newClient(http2: boolean): Promise<{ readonly certPem: string; readonly caller: Caller }> {
  const pair = await stack.pki.issue();
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair, http2);
  callers.push(caller);
  return { certPem: pair.certPem, caller };
}

beforeAll(async () => {
  stack = await startStack({ backendApart: true });
  revoker = new Revoker(stack.pki);
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
});

/** Some 24 frames a second, 10 KiB each. */
const IQ = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8';

describe.each([
  ['HTTP/1.1', false],
  ['HTTP/2', true],
])('over %s', (_version, http2) => {
  it('is told so in the stream and loses the connection; its neighbour loses no frame', async () => {
    const [revoked, neighbour] = [await newClient(http2), await newClient(http2)];
    const lost = new FrameReader(await revoked.caller.events(IQ));
    const kept = new FrameReader(await neighbour.caller.events(IQ));
    await lost.until(() => lost.frames.length >= 3);
    await kept.until(() => kept.frames.length >= 3);
    const before = await connectionsOpen(stack);

    const startedMs = performance.now();
    await revoker.revoke(revoked);
    await lost.until(() => false);
    const tookMs = performance.now() - startedMs;
    process.stderr.write(`revocation to the end of the stream: ${Math.round(tookMs)} ms\n`);
    expect(lost.end?.status).toEqual({ code: 16, message: 'the client certificate has been revoked', details: [] });
    expect(tookMs).toBeLessThan(15_000);
    await until(
      'its connection is closed',
      () => connectionsOpen(stack),
      (open) => open < before,
    );

    const then = kept.frames.length;
    await kept.until(() => kept.frames.length >= then + 20);
    expect({ gaps: kept.gaps, end: kept.end }).toEqual({ gaps: [], end: undefined });
    const [first = 0] = kept.frames.map(({ id }) => id);
    expect(kept.frames.map(({ id }) => id)).toEqual(kept.frames.map((_, index) => first + index));

    const again = await revoked.caller.call('/whoami');
    expect([again.status, again.json()]).toMatchObject([401, { code: 'UNAUTHENTICATED' }]);
    kept.stop();
  });

  it('is told so as the last line of newline-delimited JSON', async () => {
    const revoked = await newClient(http2);
    const { body } = await revoked.caller.open(IQ, { headers: { accept: 'application/x-ndjson' } });
    let text = '';
    let isRevoked = false;
    for await (const chunk of body) {
      text += chunk;
      if (!isRevoked) await revoker.revoke(revoked);
      isRevoked = true;
    }
    expect(JSON.parse(text.trim().split('\n').at(-1) ?? '')).toEqual({
      error: { code: 16, message: 'the client certificate has been revoked', details: [] },
    });
  });
});

it('leaves a line for each, that says how much was ended', async () => {
  const lines = () => stack.logs.filter(({ msg }) => msg === 'ended what has lost its right');
  await until('there are as many as were revoked', lines, ({ length }) => length === 4);
  for (const line of lines()) expect(line).toMatchObject({ calls: expect.any(Number), connections: 1 });
});

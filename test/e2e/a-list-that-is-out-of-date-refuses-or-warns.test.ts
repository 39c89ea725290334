import { afterEach, expect, test } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { Revoker } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

let stack: Stack;
let caller: Caller;
afterEach(async () => {
  await caller?.close();
  await stack?.close();
});

const IQ = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8';
/** Time to open a stream on a busy machine; lists count whole seconds. */
const LIFETIME_MS = 10_000;

/** A stream that is open when the list in use goes out of date, and that moment. */
async function streamUnderList(
  flags: Readonly<Record<string, string>>,
): Promise<[reader: FrameReader, nextUpdate: Date]> {
  stack = await startStack({ flags });
  const nextUpdate = new Date(Math.ceil((Date.now() + LIFETIME_MS) / 1000) * 1000);
  await new Revoker(stack.pki).publish(nextUpdate);
  expect(await stack.gateway.reload()).toBe(true);
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue(), true);
  const reader = new FrameReader(await caller.events(IQ));
  await reader.until(() => reader.frames.length >= 3);
  return [reader, nextUpdate];
}

test('refuse, which is the default: at that moment streams end, and nobody new is let in', async () => {
  const [reader, nextUpdate] = await streamUnderList({});
  await reader.until(() => false);
  expect(Date.now()).toBeGreaterThanOrEqual(nextUpdate.getTime());
  const message = 'the revocation list for the client certificate is out of date';
  expect(reader.end?.status).toMatchObject({ code: 16, message });
  // The connection that the stream was on closes; what is asked in that moment is nobody's.
  const status = () =>
    caller.call('/whoami').then(
      (answer) => answer.status,
      () => 0,
    );
  await until('callers are refused', status, (code) => code === 401);

  // A fresh list is all that it takes.
  const revoker = new Revoker(stack.pki);
  await revoker.publish();
  await revoker.publish();
  await until('callers are let in again', status, (code) => code === 200);
});

test('warn: streams go on, and the log says so', async () => {
  const [reader, nextUpdate] = await streamUnderList({ 'crl-stale': 'warn' });
  const said = () => stack.logs.filter(({ msg }) => msg === 'a revocation list is out of date; fetch a new one');
  // Gateway and backend share the log here, and each has a line of its own to say. Read all the while: who does not read
  // for seconds loses frames, list or no list.
  await reader.until(() => said().length > 1 && Date.now() > nextUpdate.getTime());
  const then = reader.frames.length;
  await reader.until(() => reader.frames.length >= then + 20);
  expect({ end: reader.end, gaps: reader.gaps }).toEqual({ end: undefined, gaps: [] });
  expect((await caller.call('/whoami')).status).toBe(200);
  reader.stop();
});

// needs: openssl
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { FrameReader } from '../support/frames.ts';
import { type Caller, type ClientPair, callerOf } from '../support/https.ts';
import { type Responder, startResponder } from '../support/ocsp-responder.ts';
import { Revoker } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Milliseconds between two rounds of questions about what is open; nothing else here waits as long as that. */
const ROUND_MS = 10_000;
/** Longer than an answer without a next update is remembered. */
const LATER_MS = 20_000;
const IQ = '/v1/stations/sim-1/iq?batch_size_samples=8192&datatype=ci8';

let stack: Stack;
let responder: Responder;
const known = { good: [] as string[], revoked: [] as string[] };
const callers: Caller[] = [];

beforeAll(async () => {
  // Without rounds, only what requests hear is left.
  const { setTimeout } = globalThis;
  const withoutRounds = (callback: () => void, ms?: number) => setTimeout(callback, ms === ROUND_MS ? 2 ** 31 - 1 : ms);
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(withoutRounds as typeof setTimeout);
  stack = await startStack({ flags: { ocsp: 'prefer', 'ocsp-timeout': '20' } });
  responder = await startResponder(await stack.pki.pair('ca'), known);
  responder.behaviour.args = [];
});
afterEach(() => {
  jest.spyOn(Date, 'now').mockRestore();
});
afterAll(async () => {
  jest.restoreAllMocks();
  for (const caller of callers) await caller.close();
  await responder?.close();
  await stack?.close();
});

function newCaller(pair: ClientPair, isHttp2 = false): Caller {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair, isHttp2);
  callers.push(caller);
  return caller;
}

async function newClient(): Promise<ClientPair> {
  const extensions = `authorityInfoAccess=OCSP;URI:${responder.url}\nextendedKeyUsage=clientAuth\n`;
  const certificate = await responder.issue(extensions, 'oran-client');
  known.good.push(certificate.certPem);
  return certificate;
}

async function streamOf(caller: Caller): Promise<FrameReader> {
  const reader = new FrameReader(await caller.events(IQ));
  await reader.until(() => reader.frames.length >= 3);
  return reader;
}

const REVOKED = { code: 16, message: 'the client certificate has been revoked', details: [] };

test('"revoked" ends what is open with the same certificate, on whatever connection, and nothing of others', async () => {
  const [revoked, neighbour] = [await newClient(), await newClient()];
  const http2 = newCaller(revoked, true);
  const lost = [await streamOf(newCaller(revoked)), await streamOf(newCaller(revoked))];
  const beside = await streamOf(http2);
  const kept = await streamOf(newCaller(neighbour));

  known.good.splice(known.good.indexOf(revoked.certPem), 1);
  known.revoked.push(revoked.certPem);
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + LATER_MS);
  let reading = true;
  const others = kept.until(() => !reading);
  const ends = Promise.all(lost.map((reader) => reader.until(() => false)));
  // A client of HTTP/2 may throw away what it has not read when its connection is closed: the answer, or the stream's end.
  const orClosed = (error: Error): string => error.message;
  const besideEnds = beside.until(() => false).catch(orClosed);
  const answer = await http2.call('/v1/stations').then(({ status }) => status, orClosed);
  expect(answer).not.toBe(200);
  await Promise.all([ends, besideEnds]);
  reading = false;
  expect(lost.map(({ end }) => end?.status)).toEqual([REVOKED, REVOKED]);
  await others;
  expect({ gaps: kept.gaps, end: kept.end }).toEqual({ gaps: [], end: undefined });
  kept.stop();
});

test('who is on a revocation list by the time that the responder says "good" is refused', async () => {
  const [listed, watching] = [await newClient(), await stack.pki.issue()];
  const stream = await streamOf(newCaller(watching));
  let answerNow = (): void => {};
  const asked = new Promise<void>((resolve) => {
    responder.behaviour.instead = async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = await responder.answer(Buffer.concat(chunks));
      answerNow = () => void response.setHeader('content-type', 'application/ocsp-response').end(answer);
      resolve();
    };
  });
  const answer = newCaller(listed)
    .call('/whoami')
    .then(
      ({ status }) => status,
      () => 'the connection is cut',
    );
  await asked;
  const ends = stream.until(() => false);
  await new Revoker(stack.pki).revoke(listed, watching);
  await ends;
  answerNow();
  expect([401, 'the connection is cut']).toContain(await answer);
});

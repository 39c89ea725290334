// needs: openssl
import { afterEach, expect, test } from '@jest/globals';
import { callerOf } from '../support/https.ts';
import { type Responder, startResponder } from '../support/ocsp-responder.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let responder: Responder;
const close: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of close.splice(0)) await end();
  await responder?.close();
  await stack?.close();
});

/** What a caller is answered whose certificate names the responder: good, revoked, or one that gets no answer. */
async function answersUnder(mode: string): Promise<[status: number, detail: string][]> {
  stack = await startStack({ flags: { ocsp: mode, 'ocsp-timeout': '20' } });
  const known = { good: [] as string[], revoked: [] as string[] };
  responder = await startResponder(await stack.pki.pair('ca'), known);
  const extensions = `authorityInfoAccess=OCSP;URI:${responder.url}\nextendedKeyUsage=clientAuth\n`;
  const [good, revoked, unanswered] = [
    await responder.issue(extensions, 'oran-client'),
    await responder.issue(extensions, 'oran-client'),
    await responder.issue(extensions, 'oran-client'),
  ];
  known.good.push(good.certPem);
  known.revoked.push(revoked.certPem);
  const answers: [number, string][] = [];
  for (const certificate of [good, revoked, unanswered]) {
    if (certificate === unanswered) responder.behaviour.instead = (request) => request.socket.destroy();
    const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, certificate);
    close.push(() => caller.close());
    const { status, text } = await caller.call('/v1/stations');
    answers.push([status, (JSON.parse(text) as { detail?: string }).detail ?? '']);
  }
  return answers;
}

const REVOKED = 'the client certificate has been revoked';

test('require: revoked is 401, and so is no answer', async () => {
  expect(await answersUnder('require')).toEqual([
    [200, ''],
    [401, REVOKED],
    [401, 'nobody can say at present whether the client certificate has been revoked'],
  ]);
  const metrics = await stack.registry.getSingleMetricAsString('passband_ocsp_answers_total');
  expect(metrics.match(/^passband.*$/gm)).toEqual([
    'passband_ocsp_answers_total{answer="good"} 1',
    'passband_ocsp_answers_total{answer="revoked"} 1',
    'passband_ocsp_answers_total{answer="none"} 1',
  ]);
});

test('prefer: revoked is 401, and no answer lets pass', async () => {
  expect(await answersUnder('prefer')).toEqual([
    [200, ''],
    [401, REVOKED],
    [200, ''],
  ]);
  expect(stack.logs.filter(({ msg }) => msg === 'no answer from the OCSP responder')).toHaveLength(1);
});

test('off, which is the default: nobody is asked', async () => {
  expect((await answersUnder('off')).map(([status]) => status)).toEqual([200, 200, 200]);
  expect(responder.asked).toBe(0);
});

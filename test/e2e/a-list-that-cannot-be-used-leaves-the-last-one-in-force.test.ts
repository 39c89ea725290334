import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { createAuthority, type IssuedCertificate } from '../../src/pki/authority.ts';
import { pemToDer } from '../../src/pki/encoding.ts';
import { buildCrl } from '../../src/pki/revocation.ts';
import { FrameReader } from '../support/frames.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { deltaOf, distributionPoint, listNumber, oddList } from '../support/odd-list.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;
const inHours = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);
const IQ = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8';
const REVOKED = { code: 16, message: 'the client certificate has been revoked', details: [] };
/** Of lists that would be the latest, if they were taken. */
const LATER = 1_000;

let stack: Stack;
let file: string;
let ca: IssuedCertificate;
/** Another key that has the CA's name. */
let namesake: IssuedCertificate;
let second: IssuedCertificate;
/** Revoked by the first list already. */
let outlaw: Caller;
const callers: Caller[] = [];
const revoked: string[] = [];
let number = 1;

const newCaller = (pair: IssuedCertificate): Caller => {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  callers.push(caller);
  return caller;
};
const serialOf = ({ certPem }: IssuedCertificate): string => new X509Certificate(certPem).serialNumber;
/** A list that revokes what was revoked so far. */
const list = (of: IssuedCertificate, edition: number, serials: readonly string[] = []): Promise<string> => {
  const revocations = serials.map((serial) => ({ serial, reason: 'keyCompromise', at: inHours(-1) }) as const);
  return buildCrl(of, revocations, { number: edition, thisUpdate: inHours(-1), nextUpdate: inHours(1) });
};
const goodList = (): Promise<string> => list(ca, ++number, revoked);

beforeAll(async () => {
  stack = await startStack();
  file = join(stack.certsDir, 'crl.pem');
  ca = await stack.pki.pair('ca');
  const validity = { notBefore: inHours(-1), notAfter: inHours(24) };
  namesake = await createAuthority('Passband development CA', validity);
  second = await createAuthority('Second CA', validity);
  const pair = await stack.pki.issue();
  revoked.push(serialOf(pair));
  outlaw = newCaller(pair);
  expect((await outlaw.call('/whoami')).status).toBe(200);
  await replaceFile(file, await goodList());
  await until(
    'the first list is in use',
    () => outlaw.call('/whoami').catch(() => ({ status: 0 })),
    ({ status }) => status === 401,
  );
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
});

/** What gateway and backend, which share the log here, have said of files that they cannot use. */
const faults = (): string[] =>
  stack.logs.flatMap(({ msg, what, why }) =>
    what === 'certificates' && msg === 'changed files cannot be used; what was in use before stays'
      ? [String(why)]
      : [],
  );
const metric = async (name: string, labels: Readonly<Record<string, string>>): Promise<number | undefined> =>
  (await stack.registry.getSingleMetric(name)?.get())?.values.find(({ labels: its }) =>
    Object.entries({ what: 'certificates', ...labels }).every(([label, value]) => its[label] === value),
  )?.value;
const failures = () => metric('passband_trust_reloads_total', { outcome: 'failed' });
const broken = () => metric('passband_trust_broken', {});

/** A stream of somebody who is in good standing. */
async function newStream(
  issuer?: IssuedCertificate,
): Promise<{ readonly pair: IssuedCertificate; readonly stream: FrameReader }> {
  const pair = await stack.pki.issue(issuer === undefined ? {} : { issuer });
  const stream = new FrameReader(await newCaller(pair).events(IQ));
  await stream.until(() => stream.frames.length >= 1);
  return { pair, stream };
}

test.each<[what: string, content: () => Promise<string | Uint8Array>, why: RegExp]>([
  ['a delta list', () => oddList(ca, { extensions: [listNumber(LATER), deltaOf(1)] }), /is a delta list/],
  [
    'an indirect list',
    () => oddList(ca, { extensions: [listNumber(LATER), distributionPoint(4)] }),
    /of several issuers \(indirect\)/,
  ],
  ['a list of another key of the name', () => list(namesake, LATER), /not signed by any CA certificate of that name/],
  ['half of a list', async () => (await list(ca, LATER)).slice(0, 200), /cut short or damaged/],
  ['half of a list in DER', async () => pemToDer(await list(ca, LATER)).subarray(0, 100), /cut short/],
  ['nothing', async () => '', /has no revocation list in it/],
  ['a list of an earlier number', () => list(ca, number - 1), /has an earlier list of CN=Passband development CA/],
  ['a list of another issuer alone', () => list(second, 1), /list of an issuer that is not in ca\.crt/],
])('%s in its place: it stays, that is told, and the next good one takes effect', async (_what, content, why) => {
  const { pair, stream } = await newStream();
  const [told, failed = 0] = [faults().length, await failures()];
  await replaceFile(file, await content());
  const said = await until(
    'both say so',
    () => faults().slice(told),
    ({ length }) => length >= 2,
  );
  expect(said).toEqual(said.map(() => expect.stringMatching(why)));
  expect([await failures(), await broken()]).toEqual([failed + 1, 1]);
  expect((await outlaw.call('/whoami')).status).toBe(401);
  const then = stream.frames.length;
  await stream.until(() => stream.frames.length >= then + 3);
  expect(stream.end).toBeUndefined();

  revoked.push(serialOf(pair));
  const startedMs = performance.now();
  await replaceFile(file, await goodList());
  await stream.until(() => false);
  process.stderr.write(`revocation after a list of no use: ${Math.round(performance.now() - startedMs)} ms\n`);
  expect(stream.end?.status).toEqual(REVOKED);
  // The backend may have been the one to end it.
  await until('all is well', broken, (value) => value === 0);
});

it('takes a good list though there is one beside it that cannot be used, and tells of that one', async () => {
  const { pair, stream } = await newStream();
  const told = faults().length;
  revoked.push(serialOf(pair));
  await replaceFile(file, `${await goodList()}${await list(second, 1)}`);
  await stream.until(() => false);
  expect(stream.end?.status).toEqual(REVOKED);
  const said = await until(
    'both say so',
    () => faults().slice(told),
    ({ length }) => length >= 2,
  );
  expect(said).toEqual(said.map(() => expect.stringMatching(/list of an issuer that is not in ca\.crt/)));
  expect(await broken()).toBe(1);
  await replaceFile(file, await goodList());
  await until('all is well', broken, (value) => value === 0);
});

it('takes a list in DER where there was PEM', async () => {
  const { pair, stream } = await newStream();
  revoked.push(serialOf(pair));
  await replaceFile(file, pemToDer(await goodList()));
  await stream.until(() => false);
  expect(stream.end?.status).toEqual(REVOKED);
  expect((await outlaw.call('/whoami')).status).toBe(401);
});

it('takes two lists of two issuers in one file, each for its own certificates', async () => {
  await writeFile(join(stack.certsDir, 'ca.crt'), `${stack.pki.caPem}${second.certPem}`);
  expect(await stack.gateway.reload()).toBe(true);
  const [ours, theirs] = [await newStream(), await newStream(second)];
  await replaceFile(file, `${await goodList()}${await list(second, 1, [serialOf(theirs.pair)])}`);
  await theirs.stream.until(() => false);
  expect(theirs.stream.end?.status).toEqual(REVOKED);
  revoked.push(serialOf(ours.pair));
  await replaceFile(file, `${await goodList()}${await list(second, 1, [serialOf(theirs.pair)])}`);
  await ours.stream.until(() => false);
  expect(ours.stream.end?.status).toEqual(REVOKED);
});

it('that is out of date revokes whom it names, and nobody of its issuer is let in until there is another', async () => {
  const { pair, stream } = await newStream();
  const bystander = newCaller(await stack.pki.issue());
  expect((await bystander.call('/whoami')).status).toBe(200);
  revoked.push(serialOf(pair));
  const edition = { number: ++number, thisUpdate: inHours(-2), nextUpdate: inHours(-1) };
  const revocations = revoked.map((serial) => ({ serial, reason: 'keyCompromise', at: inHours(-2) }) as const);
  await replaceFile(file, `${await buildCrl(ca, revocations, edition)}${await list(second, 1)}`);
  // Why it ends is the one or the other: the gateway's certificate at the backend is of the same issuer.
  await stream.until(() => false);
  const detailFor = (caller: Caller) => async (): Promise<unknown> =>
    (await caller.call('/whoami').catch(() => undefined))?.json().detail;
  const detail = detailFor(bystander);
  await until('who is revoked is told so', detailFor(newCaller(pair)), (text) => text === REVOKED.message);
  await until(
    'a bystander is refused',
    detail,
    (text) => text === 'the revocation list for the client certificate is out of date',
  );
  await replaceFile(file, `${await goodList()}${await list(second, 1)}`);
  await until('a bystander is let in', detail, (text) => text === undefined);
});

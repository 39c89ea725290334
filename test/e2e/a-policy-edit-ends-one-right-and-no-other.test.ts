import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, callerOf, type EventStream } from '../support/https.ts';
import { rawConnected, untilClosed } from '../support/raw.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** What the gateway's callers may do; its own name stays the backend's delegate. */
function policy(...rules: readonly string[]): string {
  return `version: 1\ndelegates: ["cn:passband-gateway", "cn:gateway"]\nrules:\n${rules.join('')}`;
}
const rule = (name: string, subject: string, methods: string, rest = ''): string =>
  `  - { name: ${name}, subjects: ["${subject}"], allow: [{ methods: ["${methods}"]${rest} }] }\n`;
const IQ = rule('iq', 'cn:oran-client', 'sdr.oran.IQStreamService/*');
const SPECTRUM = rule('spectrum', 'cn:oran-client', 'sdr.oran.SpectrumMonitorService/*');
const OTHER = rule('other', 'cn:other', '*');

let stack: Stack;
let caller: Caller;
let policyFile: string;

beforeAll(async () => {
  stack = await startStack({ backendApart: true, policy: policy(IQ, SPECTRUM, OTHER) });
  policyFile = join(stack.certsDir, 'policy.yaml');
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue(), true);
});
afterAll(async () => {
  await caller?.close();
  await stack?.close();
});

/** Reads a stream in the background: how many messages came, and how it ended. */
function watch(stream: EventStream): { messages: number; end: unknown; readonly over: Promise<void> } {
  const seen = { messages: 0, end: undefined as unknown, over: Promise.resolve() };
  seen.over = (async () => {
    for await (const { event, data } of stream) {
      if (event === 'end') seen.end = JSON.parse(data);
      else seen.messages++;
    }
  })().catch(() => {});
  return seen;
}

async function flows(stream: { readonly messages: number; readonly end: unknown }): Promise<void> {
  const before = stream.messages;
  await until(
    'more messages come',
    () => stream,
    ({ messages, end }) => messages > before + 5 && end === undefined,
  );
}

const IQ_STREAM = '/v1/stations/sim-1/iq?batch_size_samples=4096&datatype=ci8';
const SPECTRUM_STREAM = '/v1/stations/sim-1/spectrum:stream?fft_size=64&omit_frequencies=true';

test('a right that is taken away ends its stream; the others on the same connection go on', async () => {
  const iq = watch(await caller.events(IQ_STREAM));
  const spectrum = watch(await caller.events(SPECTRUM_STREAM));
  await Promise.all([flows(iq), flows(spectrum)]);
  await replaceFile(policyFile, policy(SPECTRUM, OTHER));
  await iq.over;
  expect(iq.end).toEqual({ code: 7, message: 'no rule allows this caller the method', details: [] });
  await flows(spectrum);
  expect((await caller.call(IQ_STREAM)).status).toBe(403);
});

test('a stream that another rule allows now goes on', async () => {
  const spectrum = watch(await caller.events(SPECTRUM_STREAM));
  await flows(spectrum);
  await replaceFile(
    policyFile,
    policy(rule('renamed', 'cn:oran-*', 'sdr.oran.SpectrumMonitorService/StreamSpectrum'), OTHER),
  );
  await until('the gateway has it', async () => (await caller.call('/v1/stations/sim-1/spectrum')).status === 403);
  await flows(spectrum);
});

test('a request that is no longer allowed ends; the same method with another request goes on', async () => {
  await replaceFile(policyFile, policy(SPECTRUM, OTHER));
  await until('all spectra are allowed', async () => (await caller.call('/v1/stations/sim-1/spectrum')).status === 200);
  const [sim, adsb] = [
    watch(await caller.events(SPECTRUM_STREAM)),
    watch(await caller.events(SPECTRUM_STREAM.replace('sim-1', 'adsb'))),
  ];
  await Promise.all([flows(sim), flows(adsb)]);
  const onlySim = rule(
    'spectrum',
    'cn:oran-client',
    'sdr.oran.SpectrumMonitorService/*',
    ', where: { station_id: ["sim-1"] }',
  );
  await replaceFile(policyFile, policy(onlySim, OTHER));
  await adsb.over;
  expect(adsb.end).toMatchObject({ code: 7, message: expect.stringContaining('not with this request') });
  await flows(sim);
});

test('a policy that cannot be used changes nothing, and the log says why', async () => {
  const spectrum = watch(await caller.events(SPECTRUM_STREAM));
  for (const file of [policyFile, join(stack.backendCertsDir, 'policy.yaml')])
    await writeFile(file, 'version: 1\nrules: [');
  const told = () => stack.logs.filter(({ what, why }) => what === 'policy' && String(why).includes('policy.yaml'));
  await until('both programs say why', () => told().length >= 2);
  await flows(spectrum);
  expect((await caller.call('/v1/stations/sim-1/spectrum')).status).toBe(200);
});

test('connections of a caller whom no rule names any more are closed, idle ones too', async () => {
  const idle = await rawConnected({ port: stack.port, caPem: stack.pki.caPem, pair: await stack.pki.issue() });
  const other = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue({ cn: 'other' }), true);
  const kept = watch(await other.events(SPECTRUM_STREAM));
  const spectrum = watch(await caller.events(SPECTRUM_STREAM));
  await Promise.all([flows(spectrum), flows(kept)]);
  const closed = untilClosed(idle);
  await replaceFile(policyFile, policy(OTHER));
  await spectrum.over;
  expect(spectrum.end).toEqual({ code: 7, message: 'no rule names this caller', details: [] });
  expect((await closed).error).toBeUndefined();
  await flows(kept);
  await other.close();
});

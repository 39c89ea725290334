// How long one decision takes, in microseconds: policies of 10 and 1,000 rules with every kind of subject and condition,
// asked by callers that are known already and by ones that come for the first time.
//
//   node bench/decide.ts [--seconds 2]
import { parseArgs } from 'node:util';
import { loadKnownMethods } from '../src/cli/known-methods.ts';
import { decide } from '../src/gateway/guard/decide.ts';
import type { Identity } from '../src/gateway/guard/identity.ts';
import { type KnownMethods, type Policy, parsePolicy } from '../src/gateway/guard/policy.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' } } });
const FOR_MS = Number(values.seconds) * 1000;

const SUBJECTS = [
  (n: number) => `"cn:unit-${n}"`,
  (n: number) => `"cn:site-${n}-*"`,
  (n: number) => `"ou:team-${n}"`,
  (n: number) => `"uri:spiffe://ran.example/${n}/**"`,
  (n: number) => `"sha256:${n.toString(16).padStart(64, '0')}"`,
  (n: number) => `{ all: ["ou:ran", "cn:all-${n}", { not: "dns:*.lab.example" }] }`,
  (n: number) => `{ any: ["cn:any-${n}", "email:any-${n}@*"] }`,
] as const;
const ENTRIES = [
  '{ methods: ["sdr.oran.StationService/*"] }',
  '{ methods: ["sdr.oran.IQStreamService/SubscribeIQ"], where: { station_id: ["gs-*", "lab-1"] } }',
  '{ methods: ["sdr.oran.IQStreamService/StartStream"], where: { sample_rate: { max: 2.4e6 } }, limits: { maxSampleRateHz: 2.5e6 } }',
  '{ methods: ["sdr.oran.SpectrumMonitorService/*"], when: [{ days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "23:59", timezone: Europe/Berlin }] }',
] as const;

function policyOf(rules: number, known: KnownMethods): Policy {
  const lines = Array.from({ length: rules }, (_, n) => {
    const subject = SUBJECTS[n % SUBJECTS.length]?.(n) ?? '';
    return `  - { name: r${n}, subjects: [${subject}], allow: [${ENTRIES.join(', ')}] }`;
  });
  return parsePolicy(`version: 1\nrules:\n${lines.join('\n')}\n`, 'bench.yaml', known);
}

const stranger: Identity = {
  cn: 'stranger',
  organizations: [],
  organizationalUnits: ['ran'],
  dns: ['a.ran.example'],
  uris: ['spiffe://ran.example/none'],
  emails: [],
  sha256: 'f'.repeat(64),
  serial: '01',
  issuer: 'CN=ca',
  notBeforeMs: 0,
  notAfterMs: Number.MAX_SAFE_INTEGER,
};

/** A caller whom the last rule of its kind names. */
function callersOf(rules: number): readonly Identity[] {
  const last = (kind: number): number => Math.floor((rules - 1 - kind) / SUBJECTS.length) * SUBJECTS.length + kind;
  return [
    { ...stranger, cn: `unit-${last(0)}` },
    { ...stranger, cn: `site-${last(1)}-7` },
    { ...stranger, organizationalUnits: [`team-${last(2)}`] },
    { ...stranger, uris: [`spiffe://ran.example/${last(3)}/x/y`] },
    { ...stranger, sha256: last(4).toString(16).padStart(64, '0') },
    { ...stranger, cn: `all-${last(5)}` },
    { ...stranger, emails: [`any-${last(6)}@ran`] },
    stranger,
  ];
}

const CALLS: readonly (readonly [method: string, request: Readonly<Record<string, unknown>>])[] = [
  ['sdr.oran.StationService/GetStation', { station_id: 'gs-1' }],
  ['sdr.oran.IQStreamService/SubscribeIQ', { station_id: 'gs-1' }],
  ['sdr.oran.IQStreamService/SubscribeIQ', { station_id: 'other' }],
  ['sdr.oran.IQStreamService/StartStream', { station_id: 'gs-1', sample_rate: 2.4e6 }],
  ['sdr.oran.SpectrumMonitorService/GetSpectrum', { station_id: 'gs-1', fft_size: 1024 }],
  ['sdr.oran.AntennaControlService/PointAntenna', { station_id: 'gs-1' }],
];

/** Microseconds of one decision, the median of batches. */
function measure(
  policy: Policy,
  callers: readonly Identity[],
  isFresh: boolean,
): { readonly us: number; readonly p99Us: number } {
  const batches: number[] = [];
  const untilMs = performance.now() + FOR_MS;
  let allowed = 0;
  while (performance.now() < untilMs || batches.length === 0) {
    const asking = isFresh ? callers.map((caller) => ({ ...caller })) : callers;
    const nowMs = Date.now();
    const startMs = performance.now();
    for (const caller of asking) {
      for (const [method, request] of CALLS) if (decide(policy, caller, method, request, nowMs).allow) allowed++;
    }
    batches.push(((performance.now() - startMs) * 1000) / (asking.length * CALLS.length));
  }
  if (allowed === 0) throw new Error('nothing was allowed; the benchmark measures nothing');
  batches.sort((a, b) => a - b);
  const at = (share: number): number => batches[Math.floor((batches.length - 1) * share)] ?? Number.NaN;
  return { us: at(0.5), p99Us: at(0.99) };
}

const known = await loadKnownMethods([]);
console.log('rules  callers     median µs   p99 µs   per decision');
for (const rules of [10, 1000]) {
  const policy = policyOf(rules, known);
  const callers = callersOf(rules);
  measure(policy, callers, false);
  for (const isFresh of [false, true]) {
    const { us, p99Us } = measure(policy, callers, isFresh);
    const what = isFresh ? 'first seen' : 'known     ';
    console.log(`${String(rules).padStart(5)}  ${what}  ${us.toFixed(2).padStart(9)}  ${p99Us.toFixed(2).padStart(7)}`);
  }
}

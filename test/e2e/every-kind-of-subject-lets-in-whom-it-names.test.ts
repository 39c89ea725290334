import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ClientPair, callerOf } from '../support/https.ts';
import { narrowStation } from '../support/narrow-station.ts';
import type { TestCertificate, TestPki } from '../support/pki.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Subjects of a rule (YAML), certificates that they mean, and others that they must not. */
interface Row {
  readonly subjects: string;
  readonly named: readonly TestCertificate[];
  readonly others: readonly TestCertificate[];
}

/** Stands for the fingerprint of the first certificate that is named. */
const FINGERPRINT = 'FINGERPRINT';
const [SPIFFE, STRANGER] = ['spiffe://ran.example', { cn: 'x' }];

const ROWS: readonly Row[] = [
  {
    subjects: '"cn:du-1"',
    named: [{ cn: 'du-1' }],
    others: [{ cn: 'DU-1' }, { cn: 'du-10' }, { ...STRANGER, o: ['du-1'], ou: ['du-1'], dns: ['du-1'] }],
  },
  {
    subjects: '"cn:du-*"',
    named: [{ cn: 'du-7' }, { cn: 'du-7 b' }],
    others: [{ cn: 'du-7.example' }, { cn: 'du-7/x' }, { cn: 'a du-7' }],
  },
  {
    subjects: '"o:Operator"',
    named: [
      { ...STRANGER, o: ['Operator'] },
      { ...STRANGER, o: ['Other', 'Operator'] },
    ],
    others: [{ ...STRANGER, o: ['operator'] }, { ...STRANGER, ou: ['Operator'] }, { cn: 'Operator' }],
  },
  {
    subjects: '"ou:O-RAN-*"',
    named: [
      { ...STRANGER, ou: ['O-RAN-DU'] },
      { ...STRANGER, o: ['A'], ou: ['B', 'O-RAN-CU'] },
    ],
    others: [{ ...STRANGER, ou: ['O-RAN'] }, { ...STRANGER, o: ['O-RAN-DU'] }, { cn: 'O-RAN-DU' }],
  },
  {
    subjects: '"dns:*.ran.example"',
    named: [
      { ...STRANGER, dns: ['du-1.ran.example'] },
      { ...STRANGER, dns: ['other', 'du-1.ran.example'] },
    ],
    others: [
      { ...STRANGER, dns: ['ran.example', 'a.b.ran.example', 'du-1.ran.example.evil'] },
      { ...STRANGER, uri: ['du-1.ran.example:'], email: ['du-1.ran.example'] },
      { cn: 'du-1.ran.example' },
    ],
  },
  {
    subjects: `"uri:${SPIFFE}/ops/*"`,
    named: [{ ...STRANGER, uri: [`${SPIFFE}/ops/a`] }],
    others: [{ ...STRANGER, uri: [`${SPIFFE}/ops/a/b`, `${SPIFFE}/dev/a`, 'spiffe://evil/ops/a'] }],
  },
  {
    subjects: `"uri:${SPIFFE}/ops/**"`,
    named: [
      { ...STRANGER, uri: [`${SPIFFE}/ops/a/b`] },
      { ...STRANGER, uri: ['urn:a:b', `${SPIFFE}/ops/a`] },
    ],
    others: [{ ...STRANGER, uri: [`${SPIFFE}.evil/ops/a`, `${SPIFFE}/OPS/a`] }],
  },
  {
    subjects: '"email:*@ran.example"',
    named: [{ ...STRANGER, email: ['ops@ran.example'] }],
    others: [
      { ...STRANGER, email: ['ops@ran.example.evil', 'o.p@ran.example', 'ops@RAN.example'] },
      { ...STRANGER, uri: ['mailto:ops@ran.example'], dns: ['ops.ran.example'] },
      { cn: 'ops@ran.example' },
    ],
  },
  {
    subjects: `"sha256:${FINGERPRINT}"`,
    named: [{ cn: 'twin', o: ['same'] }],
    others: [{ cn: 'twin', o: ['same'] }],
  },
  {
    subjects: '{ all: ["ou:O-RAN-DU", { not: "cn:spare-*" }] }',
    named: [{ cn: 'du-1', ou: ['O-RAN-DU'] }],
    others: [{ cn: 'spare-1', ou: ['O-RAN-DU'] }, { cn: 'du-1' }],
  },
  {
    subjects: '{ any: ["dns:a.example", "email:a@b.example"] }',
    named: [
      { ...STRANGER, dns: ['a.example'] },
      { ...STRANGER, email: ['a@b.example'] },
    ],
    others: [STRANGER, { ...STRANGER, dns: ['b.example'], email: ['b@b.example'] }],
  },
  {
    subjects: '{ not: "o:Guests" }',
    named: [STRANGER, { ...STRANGER, o: ['Staff'] }, { ...STRANGER, ou: ['Guests'] }],
    others: [
      { ...STRANGER, o: ['Guests'] },
      { ...STRANGER, o: ['Staff', 'Guests'] },
    ],
  },
  {
    subjects: '{ all: [{ any: ["o:A", "ou:A"] }, { not: { any: ["dns:*", "uri:**"] } }] }',
    named: [
      { ...STRANGER, o: ['A'] },
      { ...STRANGER, ou: ['A'], dns: ['a.b'] },
    ],
    others: [STRANGER, { ...STRANGER, o: ['A'], dns: ['a'] }, { ...STRANGER, ou: ['A'], uri: ['urn:a/b'] }],
  },
  {
    subjects: `"cn:du-2", "ou:${SPIFFE}", "sha256:${FINGERPRINT}"`,
    named: [STRANGER, { cn: 'du-2' }, { ...STRANGER, ou: [SPIFFE] }],
    others: [STRANGER, { ...STRANGER, uri: [SPIFFE] }],
  },
];

/** Each row's rule is about a station of its own, so that no other rule can let its callers in. */
const stationOf = (index: number): string => `row-${index}`;
const STATIONS = ROWS.map((_row, index) => narrowStation(stationOf(index), index));

const HEAD = 'version: 1\ndelegates: ["cn:passband-gateway"]\nrules:\n';
const EVERYBODY = `${HEAD}  - { name: everybody, subjects: [{ not: "cn:nobody" }], allow: [{ methods: ["*"] }] }\n`;

/** Certificates of a row: those that it names, and the others. */
interface Issued {
  readonly named: readonly ClientPair[];
  readonly others: readonly ClientPair[];
}

async function issueAll(pki: TestPki): Promise<readonly Issued[]> {
  const issue = (all: readonly TestCertificate[]): Promise<ClientPair[]> => Promise.all(all.map(pki.issue));
  return Promise.all(
    ROWS.map(async ({ named, others }) => ({ named: await issue(named), others: await issue(others) })),
  );
}

/** One rule a row. */
function policyFor(issued: readonly Issued[]): string {
  const rules = ROWS.map(({ subjects }, index) => {
    const { fingerprint256 } = new X509Certificate(issued[index]?.named[0]?.certPem ?? '');
    const text = subjects.replace(FINGERPRINT, fingerprint256.replaceAll(':', '').toLowerCase());
    const station = `where: { station_id: ["${stationOf(index)}"] }`;
    return `  - name: row ${index}
    subjects: [${text}]
    allow: [{ methods: ["sdr.oran.StationService/GetStation"], ${station} }]
`;
  });
  return HEAD + rules.join('');
}

/** The status with which a request for a row's station is answered over HTTPS. */
async function overHttps(stack: Stack, pair: ClientPair, index: number): Promise<number> {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pair);
  const { status } = await caller.call(`/v1/stations/${stationOf(index)}`);
  await caller.close();
  return status;
}

/** The code with which the backend itself answers over gRPC. */
async function overGrpc(stack: Stack, { certPem, keyPem }: ClientPair, index: number): Promise<number> {
  const secure = credentials.createSsl(Buffer.from(stack.pki.caPem), Buffer.from(keyPem), Buffer.from(certPem));
  const client = new Client(`localhost:${stack.backendPort}`, secure, { 'grpc.use_local_subchannel_pool': 1 });
  const name = Buffer.from(stationOf(index));
  const request = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const asIs = (bytes: Buffer): Buffer => bytes;
  try {
    return await new Promise((resolve) => {
      const method = '/sdr.oran.StationService/GetStation';
      client.makeUnaryRequest(method, asIs, asIs, request, (error: ServiceError | null) => resolve(error?.code ?? 0));
    });
  } finally {
    client.close();
  }
}

const TABLE = ROWS.map(({ subjects }, index) => [subjects, index] as const);

/** Where a policy decides, by whom it is asked, and what its two answers are there. */
const DOORS = [
  ['the gateway', 'policy', overHttps, 200, 403],
  ['the backend, of callers whom a gateway speaks for', 'backendPolicy', overHttps, 200, 403],
  ['the backend, of callers of its own', 'backendPolicy', overGrpc, 0, 7],
] as const;

describe.each(DOORS)('decided by %s', (_door, decides, ask, allowed, denied) => {
  let stack: Stack;
  let issued: readonly Issued[];

  beforeAll(async () => {
    const nobody = `${HEAD}  - { name: nobody, subjects: ["cn:nobody"], allow: [{ methods: ["*"] }] }\n`;
    stack = await startStack({
      stations: STATIONS,
      policy: EVERYBODY,
      backendPolicy: EVERYBODY,
      [decides]: nobody,
    });
    issued = await issueAll(stack.pki);
    const dir = decides === 'policy' ? stack.certsDir : stack.backendCertsDir;
    await replaceFile(join(dir, 'policy.yaml'), policyFor(issued));
    const first = issued[0]?.named[0];
    if (first === undefined) throw new Error('there is no first row');
    await until(
      'the policy is in use',
      () => ask(stack, first, 0),
      (answer) => answer === allowed,
    );
  });
  afterAll(async () => {
    await stack?.close();
  });

  it.each(TABLE)('%s', async (_subjects, index) => {
    const { named = [], others = [] } = issued[index] ?? {};
    const answers = (pairs: readonly ClientPair[]): Promise<number[]> =>
      Promise.all(pairs.map((pair) => ask(stack, pair, index)));
    expect(await answers(named)).toEqual(named.map(() => allowed));
    expect(await answers(others)).toEqual(others.map(() => denied));
    expect([named.length, others.length]).toEqual([ROWS[index]?.named.length, ROWS[index]?.others.length]);
  });
});

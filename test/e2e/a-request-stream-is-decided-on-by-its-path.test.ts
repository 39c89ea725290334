import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { linesOf } from '../audit/journal-under-test.ts';
import { type Caller, callerOf } from '../support/https.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';
import { until } from '../support/until.ts';

const IMPORT = 'acme.library.v1.Library/ImportBooks';
const policyFor = (shelves: string): string => `version: 1
rules:
  - name: own-shelves
    subjects: ["cn:*"]
    allow: [{ methods: ["${IMPORT}"], where: { shelf: [${shelves}], title: ["a*"] } }]
`;
const STREAM = { method: 'POST', headers: { 'content-type': 'application/x-ndjson' } };

let stack: LibraryStack;
let folder: string;
let caller: Caller;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-path-'));
  await writeFile(join(folder, 'policy.yaml'), policyFor('"shelves/1", "shelves/2"'));
  stack = await startLibraryStack({ policy: join(folder, 'policy.yaml'), audit: folder });
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.pair('client'));
});
afterAll(async () => {
  await caller?.close();
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

const seen = (): number => stack.library.calls.filter(({ method }) => method === 'ImportBooks').length;

test.each([
  ['a path that no rule allows, and no message', 9, '', 403],
  ['a path that no rule allows, and a message that would do', 9, '{"title":"a"}\n', 403],
  ['a path that a rule allows, and no message', 1, '', 200],
  ['a path that a rule allows, and a message that would do', 1, '{"title":"a"}\n', 200],
])('%s', async (_, shelf, body, status) => {
  const before = seen();
  const requestId = `${shelf}-${body.length}`;
  const answer = await caller.call(`/v1/shelves/${shelf}/books:import`, {
    ...STREAM,
    headers: { ...STREAM.headers, 'x-request-id': requestId },
    body,
  });
  expect(answer.status).toBe(status);
  const lines = await until(
    'its lines',
    async () => (await linesOf(join(folder, 'gateway.jsonl'))).filter((line) => line.requestId === requestId),
    ({ length }) => length > 0,
  );
  const decisions = lines.filter(({ event }) => event === 'decision').map(({ outcome, code }) => [outcome, code]);
  expect(decisions).toEqual([status === 200 ? ['allow', 'OK'] : ['deny', 'PERMISSION_DENIED']]);
  // Nothing was asked of the backend for whom no rule allows it.
  expect(seen() - before).toBe(status === 200 ? 1 : 0);
});

it('and again when the policy changes, though no message has come', async () => {
  // An empty line is no message.
  const body = new PassThrough();
  body.write('\n');
  const next = stack.library.next('ImportBooks');
  const answer = caller.open('/v1/shelves/2/books:import', { ...STREAM, body });
  const call = await next;
  await writeFile(join(folder, 'new.yaml'), policyFor('"shelves/1"'));
  await rename(join(folder, 'new.yaml'), join(folder, 'policy.yaml'));
  await call.cancelled;
  const { statusCode, body: problem } = await answer;
  expect([statusCode, await problem.json()]).toEqual([403, expect.objectContaining({ code: 'PERMISSION_DENIED' })]);
  body.destroy();
});

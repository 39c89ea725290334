import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Caller, callerOf } from '../support/https.ts';
import { LIBRARY_PROTO } from '../support/library.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';

/** Every book of this library has paper of 80 g; here that is a rate of samples. */
const MARKED = 'paper_grams = $1 [(passband.v1.sample_rate_hz) = true]';
const POLICY = `version: 1
rules:
  - name: narrow
    subjects: ["cn:narrow"]
    allow: [{ methods: ["acme.library.v1.Library/GetBook"], limits: { maxSampleRateHz: 79 } }]
  - name: wide
    subjects: ["cn:wide"]
    allow: [{ methods: ["acme.library.v1.Library/GetBook"], limits: { maxSampleRateHz: 80 } }]
`;

let stack: LibraryStack;
let folder: string;
const callers: Caller[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-rates-'));
  await cp(LIBRARY_PROTO, folder, { recursive: true });
  const file = join(folder, 'acme', 'library', 'v1', 'library.proto');
  const proto = await readFile(file, 'utf8');
  const marked = proto
    .replace('import "', 'import "passband/v1/field_options.proto";\nimport "')
    .replace(/paper_grams = (\d+)/, MARKED);
  await writeFile(file, marked);
  await writeFile(join(folder, 'policy.yaml'), POLICY);
  stack = await startLibraryStack({ proto: folder, policy: join(folder, 'policy.yaml') });
});
afterAll(async () => {
  for (const caller of callers) await caller.close();
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ['narrow', 403, 'no more than 79 samples a second'],
  ['wide', 200, '"paperGrams":80'],
])('an answer to %s that states a rate: %d', async (cn, status, says) => {
  const caller = callerOf(stack.gatewayUrl, stack.pki.caPem, await stack.pki.issue({ cn }));
  callers.push(caller);
  const answer = await caller.call('/v1/shelves/a/books/b');
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(says)]);
  expect(answer.text.includes('Dick')).toBe(status === 200);
});

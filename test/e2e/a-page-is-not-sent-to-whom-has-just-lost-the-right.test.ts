import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { type Caller, callerOf, pairIn } from '../support/https.ts';
import { replaceFile } from '../support/revocation.ts';
import { type Stack, startStack } from '../support/stack.ts';

const policy = (page: string): string => `version: 1
rules:
  - name: a page
    subjects: ["cn:oran-client"]
    allow: [{ methods: ["passband.Gateway/${page}"] }]
`;

let stack: Stack;
let caller: Caller;
let policyFile: string;

beforeAll(async () => {
  stack = await startStack({ policy: policy('WhoAmI'), flags: { 'audit-sync': 'always' } });
  policyFile = join(stack.certsDir, 'policy.yaml');
  caller = callerOf(stack.gatewayUrl, stack.pki.caPem, pairIn(stack.certsDir, 'client'));
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(async () => {
  await caller?.close();
  await stack?.close();
});

/** Keeps the disk from taking what is synced until told otherwise; `asked` resolves when something waits for it. */
async function slowDisk(): Promise<{ readonly asked: Promise<void>; readonly goOn: () => void }> {
  const file = await open(policyFile);
  const { datasync } = file;
  const handles = Object.getPrototypeOf(file) as FileHandle;
  await file.close();
  let goOn = (): void => {};
  const until = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    jest.spyOn(handles, 'datasync').mockImplementation(async function (this: FileHandle) {
      resolve();
      await until;
      await datasync.call(this);
    });
  });
  return { asked, goOn };
}

it('though its line in the journal was under way', async () => {
  expect((await caller.call('/whoami')).status).toBe(200);
  const disk = await slowDisk();
  const answer = caller.call('/whoami').then(
    ({ status }) => status,
    () => 'the connection is cut',
  );
  await disk.asked;
  await replaceFile(policyFile, policy('Health'));
  expect(await stack.gateway.reload()).toBe(true);
  disk.goOn();
  expect([403, 'the connection is cut']).toContain(await answer);
});

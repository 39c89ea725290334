// needs: curl
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { linesOf } from '../audit/journal-under-test.ts';
import { type LibraryStack, startLibraryStack } from '../support/library-stack.ts';
import { until } from '../support/until.ts';

const POLICY = `version: 1
rules:
  - name: a-to-m
    subjects: ["cn:*"]
    allow: [{ methods: ["acme.library.v1.Library/ImportBooks"], where: { title: ["a*", "m*"] } }]
  - name: n-to-z
    subjects: ["cn:*"]
    allow: [{ methods: ["acme.library.v1.Library/ImportBooks"], where: { title: ["n*", "z*"] } }]
`;

let stack: LibraryStack;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-audit-'));
  await writeFile(join(folder, 'policy.yaml'), POLICY);
  stack = await startLibraryStack({ policy: join(folder, 'policy.yaml'), audit: folder });
});
afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Sends titles as one stream of requests and gives what the journal has of it. */
async function imported(requestId: string, titles: readonly string[], lines: number): Promise<unknown[]> {
  const body = titles.map((title) => `${JSON.stringify({ title })}\n`).join('');
  const headers = ['content-type: application/x-ndjson', `x-request-id: ${requestId}`].flatMap((line) => ['-H', line]);
  await stack.curl.feed(body, '/v1/shelves/1/books:import', ...headers, '-X', 'POST', '-T', '-');
  const mine = async () =>
    (await linesOf(join(folder, 'gateway.jsonl'))).filter((line) => line.requestId === requestId);
  const found = await until(`${lines} lines`, mine, (seen) => seen.length >= lines);
  return found.map(({ event, outcome, code, rule }) => [event, outcome, code, rule]);
}

it('one when it opens, one for every other rule that lets messages pass, one when it ends', async () => {
  expect(await imported('all', ['alpha', 'mike', 'november', 'alpha', 'zulu', 'mike', 'zulu'], 3)).toEqual([
    ['decision', 'allow', 'OK', 'a-to-m'],
    ['decision', 'allow', 'OK', 'n-to-z'],
    ['end', undefined, 'OK', 'n-to-z'],
  ]);
});

it('one for the message that is refused', async () => {
  expect(await imported('refused', ['alpha', '1984', 'mike'], 3)).toEqual([
    ['decision', 'allow', 'OK', 'a-to-m'],
    ['decision', 'deny', 'PERMISSION_DENIED', 'a-to-m'],
    ['end', undefined, 'PERMISSION_DENIED', 'a-to-m'],
  ]);
});

it('also when no message comes', async () => {
  expect(await imported('empty', [], 2)).toEqual([
    ['decision', 'allow', 'OK', 'a-to-m'],
    ['end', undefined, 'OK', 'a-to-m'],
  ]);
});

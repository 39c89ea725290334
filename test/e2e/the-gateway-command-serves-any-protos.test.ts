// needs: curl
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { curlOf } from '../support/curl.ts';
import { BOOK_JSON, LIBRARY_PROTO, type Library, startLibrary } from '../support/library.ts';
import { OPEN_POLICY } from '../support/library-stack.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

let pki: TestPki;
let library: Library;

beforeAll(async () => {
  pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), OPEN_POLICY);
  library = await startLibrary(pki);
});
afterAll(async () => {
  await library?.close();
  await pki?.remove();
});

it('puts a REST face on a service that it has never seen: gateway --proto DIR --backend HOST:PORT', async () => {
  const gateway = spawn(
    process.execPath,
    [
      ...[join(PACKAGE_ROOT, 'dist', 'cli', 'main.js'), 'gateway', '--proto', LIBRARY_PROTO],
      ...['--backend', `localhost:${library.port}`, '--certs', pki.dir, '--port', '0', '--metrics-port', '0'],
    ],
    { env: { PATH: process.env.PATH ?? '' }, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  try {
    const said: string[] = [];
    for await (const line of createInterface(gateway.stdout)) {
      said.push(line);
      if (line.startsWith('metrics')) break;
    }
    const url = /https:\/\/localhost:[0-9]+/.exec(said[0] ?? '')?.[0] ?? '';
    expect(said[0]).toBe(`gateway             ${url} in front of localhost:${library.port}`);
    const curl = curlOf(url, pki.dir);
    const book = await curl('/v1/shelves/1/books/7');
    expect(book.json()).toEqual({ ...BOOK_JSON, name: 'shelves/1/books/7' });
    const described = (await curl('/openapi.json')).json();
    expect(Object.keys(described.paths as object)).toContain('/v1/isbn/{isbn}');
  } finally {
    const ended = once(gateway, 'exit');
    gateway.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  }
});

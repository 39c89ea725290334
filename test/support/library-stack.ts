import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { Registry } from 'prom-client';
import { runGateway } from '../../src/cli/run-gateway.ts';
import { resolveConfig } from '../../src/config.ts';
import { type Curl, curlOf } from './curl.ts';
import { LIBRARY_PROTO, type Library, startLibrary } from './library.ts';
import { makeTestPki, type TestPki } from './pki.ts';

/** Lets everyone with a certificate of the CA call everything: what is tested here is not the policy. */
export const OPEN_POLICY = `version: 1
rules:
  - name: everyone
    subjects: ["cn:*"]
    allow: [{ methods: ["*"] }]
`;

/** A gateway in this process in front of a service that the project has never seen. */
export interface LibraryStack {
  readonly library: Library;
  readonly pki: TestPki;
  /** `https://localhost:PORT` */
  readonly gatewayUrl: string;
  readonly curl: Curl;
  readonly registry: Registry;
  readonly logs: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

type Flags = Readonly<Record<string, string>>;

/** Starts one; `flags` are those of `passband gateway`, or make them when the library runs. */
export async function startLibraryStack(
  flags: Flags | ((library: Library, pki: TestPki) => Promise<Flags>) = {},
): Promise<LibraryStack> {
  const pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), OPEN_POLICY);
  const library = await startLibrary(pki);
  const config = resolveConfig('gateway', {
    flags: {
      port: '0',
      host: '127.0.0.1',
      certs: pki.dir,
      proto: [LIBRARY_PROTO],
      backend: `localhost:${library.port}`,
      ...(typeof flags === 'function' ? await flags(library, pki) : flags),
    },
    environment: {},
    file: undefined,
  });
  const logs: Record<string, unknown>[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      logs.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const registry = new Registry();
  const gateway = await runGateway(config, pino({ level: 'debug' }, sink), registry);
  const gatewayUrl = `https://localhost:${gateway.port}`;
  return {
    library,
    pki,
    gatewayUrl,
    curl: curlOf(gatewayUrl, pki.dir),
    registry,
    logs,
    close: async () => {
      await gateway.close(1000);
      await library.close();
      await pki.remove();
    },
  };
}

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { exists, writeNew } from '../durable-files.ts';
import { DEV_POLICY } from '../gateway/guard/policy.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import { ensureDevPki } from '../pki/dev.ts';
import { loadTlsMaterial } from '../pki/tls-files.ts';
import { loadKnownMethods } from './known-methods.ts';
import { loadPolicy } from './policy.ts';
import { addressHere } from './printed-address.ts';
import { policyFile, proveBackendFiles, readGatewayFiles } from './proven-files.ts';
import type { Rim } from './serve.ts';
import { banner } from './up-banner.ts';

/** JSON Schemas of policies and of what `policy test` reads, in docs/ and wherever a policy is made. */
const POLICY_SCHEMA = 'policy.schema.json';
const SCHEMAS = [POLICY_SCHEMA, 'policy-expectations.schema.json'] as const;

/** `passband up`: everything in one process, for trying out: certificates, policy, backend and gateway. */
export async function up(config: Config, rim: Rim): Promise<void> {
  await proveWhatIsThere(config);
  const { created, p12Password } = await ensureDevPki(config.certs);
  const policyWritten = config.policy === undefined && (await writePolicy(policyFile(config)));
  await proveBackendFiles(config);
  const files = await readGatewayFiles(config);
  // Only now: a refusal need not wait for what would have run.
  const [{ runBackend }, { runGateway }, { serve }] = await Promise.all([
    import('./run-backend.ts'),
    import('./run-gateway.ts'),
    import('./serve.ts'),
  ]);
  await serve(config, rim, async (log, registry, probesUrl) => {
    const backend = await runBackend(config, log, registry);
    const backendAt = `${addressHere(config.backendHost)}:${backend.port}`;
    // Its certificate is for localhost, wherever it listens.
    const throughIt = { ...config, backend: backendAt, backendName: 'localhost' };
    const gateway = await runGateway(throughIt, log, registry, files).catch(async (error: unknown) => {
      await backend.close(0);
      throw error;
    });
    rim.say(
      banner({
        certs: config.certs,
        host: addressHere(config.host),
        port: gateway.port,
        backendAt,
        probesUrl,
        created,
        policyWritten,
        p12Password,
      }),
    );
    return { parts: [gateway, backend], ready: gateway.ready };
  });
}

/** A mistake in what the operator brought is told before anything is written beside it. */
async function proveWhatIsThere(config: Config): Promise<void> {
  const policy = policyFile(config);
  if (config.policy !== undefined || (await exists(policy))) await loadPolicy(policy, await loadKnownMethods([]));
  for (const name of ['server', 'gateway', 'backend']) {
    const files = ['ca.crt', `${name}.crt`, `${name}.key`].map((file) => exists(join(config.certs, file)));
    // What is half there is for those who make the rest.
    if ((await Promise.all(files)).every(Boolean)) await loadTlsMaterial(config.certs, name);
  }
}

/** The policy to begin with, and beside it the schemas by which an editor can tell what may stand in it and in its tests. */
async function writePolicy(file: string): Promise<boolean> {
  if (await exists(file)) return false;
  for (const name of SCHEMAS) {
    const schema = join(dirname(file), name);
    if (!(await exists(schema))) await writeNew(schema, await readFile(join(PACKAGE_ROOT, 'docs', name)), 0o644);
  }
  await writeNew(file, `# yaml-language-server: $schema=${POLICY_SCHEMA}\n${DEV_POLICY}`, 0o644);
  return true;
}

import { access, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Config } from '../config.ts';
import { DEV_POLICY } from '../gateway/guard/policy.ts';
import { PACKAGE_ROOT } from '../package-root.ts';
import { ensureDevPki } from '../pki/dev.ts';
import { loadTlsMaterial, writeNew } from '../pki/store.ts';
import { loadKnownMethods } from './known-methods.ts';
import { loadPolicy } from './policy.ts';
import { policyFile, proveBackendFiles, readGatewayFiles } from './proven-files.ts';
import type { Rim } from './serve.ts';

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
    const throughIt = { ...config, backend: `localhost:${backend.port}` };
    const gateway = await runGateway(throughIt, log, registry, files).catch(async (error: unknown) => {
      await backend.close(0);
      throw error;
    });
    rim.say(
      banner({
        certs: config.certs,
        port: gateway.port,
        backendPort: backend.port,
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
  if (config.policy !== undefined || (await isThere(policy))) await loadPolicy(policy, await loadKnownMethods([]));
  for (const name of ['server', 'gateway', 'backend']) {
    const files = ['ca.crt', `${name}.crt`, `${name}.key`].map((file) => isThere(join(config.certs, file)));
    // What is half there is for those who make the rest.
    if ((await Promise.all(files)).every(Boolean)) await loadTlsMaterial(config.certs, name);
  }
}

/** The policy to begin with, and beside it the schemas by which an editor can tell what may stand in it and in its tests. */
async function writePolicy(file: string): Promise<boolean> {
  if (await isThere(file)) return false;
  for (const name of SCHEMAS) {
    const schema = join(dirname(file), name);
    if (!(await isThere(schema))) await writeNew(schema, await readFile(join(PACKAGE_ROOT, 'docs', name)), 0o644);
  }
  await writeNew(file, `# yaml-language-server: $schema=${POLICY_SCHEMA}\n${DEV_POLICY}`, 0o644);
  return true;
}

async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

interface Facts {
  readonly certs: string;
  readonly port: number;
  readonly backendPort: number;
  readonly probesUrl: string;
  readonly created: readonly string[];
  readonly policyWritten: boolean;
  readonly p12Password: string;
}

/** What a newcomer reads first: where things are, what was made, and a command to paste. */
function banner({ certs: folder, port, backendPort, probesUrl, created, policyWritten, p12Password }: Facts): string {
  const short = relative(process.cwd(), folder);
  const certs = short === '' || short.startsWith('..') ? folder : short;
  const at = (name: string): string => join(certs, name);
  const made = [
    ...(created.length === 0 ? [`certificates        ${certs}/ (all were there; nothing was changed)`] : []),
    ...(created.length === 0 ? [] : [`certificates made   ${certs}/: ${created.join(', ')}`]),
    ...(created.includes('dashboard.p12')
      ? [`for your browser    ${at('dashboard.p12')}, password "${p12Password}"`]
      : []),
    ...(policyWritten
      ? [`policy made         ${at('policy.yaml')}: oran-client may do everything, dash-* may read`]
      : []),
  ];
  return `
gateway             https://localhost:${port}   (API description: /docs)
backend             grpcs://localhost:${backendPort}
metrics and probes  ${probesUrl}
${made.join('\n')}

Real radio samples as server-sent events; paste this (Ctrl-C ends it):

  curl --cacert ${at('ca.crt')} --cert ${at('client.crt')} --key ${at('client.key')} https://localhost:${port}/v1/stations/adsb/iq

`;
}

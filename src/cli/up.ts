import { access } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Config } from '../config.ts';
import { DEV_POLICY } from '../gateway/guard/policy.ts';
import { ensureDevPki } from '../pki/dev.ts';
import { writeNew } from '../pki/store.ts';
import { runBackend } from './run-backend.ts';
import { runGateway } from './run-gateway.ts';
import { type Rim, serve } from './serve.ts';

/** `passband up`: everything in one process, for trying out: certificates, policy, backend and gateway. */
export async function up(config: Config, rim: Rim): Promise<void> {
  const { created, p12Password } = await ensureDevPki(config.certs);
  const policyWritten = config.policy === undefined && (await writePolicy(join(config.certs, 'policy.yaml')));
  await serve(config, rim, async (log, registry, probesUrl) => {
    const backend = await runBackend(config, log, registry);
    const gateway = await runGateway({ ...config, backend: `localhost:${backend.port}` }, log, registry).catch(
      async (error: unknown) => {
        await backend.close(0);
        throw error;
      },
    );
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

async function writePolicy(file: string): Promise<boolean> {
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (!there) await writeNew(file, DEV_POLICY, 0o644);
  return !there;
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

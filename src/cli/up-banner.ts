import { join, relative } from 'node:path';
import { shellWord } from './printed-address.ts';

/** What `passband up` has to tell. */
export interface UpFacts {
  /** Folder of the certificates. */
  readonly certs: string;
  /** Where the gateway is reached from this machine, as in a URL. */
  readonly host: string;
  readonly port: number;
  /** `host:port` of the backend, as in a URL. */
  readonly backendAt: string;
  readonly probesUrl: string;
  /** Names of the certificate files that were made. */
  readonly created: readonly string[];
  readonly policyWritten: boolean;
  readonly p12Password: string;
}

/** What a newcomer reads first: where things are, what was made, and a command to paste. */
export function banner({ certs: folder, host, port, backendAt, probesUrl, ...made }: UpFacts): string {
  const short = relative(process.cwd(), folder);
  const certs = short === '' || short.startsWith('..') ? folder : short;
  return `
gateway             https://${host}:${port}   (API description: /docs)
backend             grpcs://${backendAt}
metrics and probes  ${probesUrl}
${whatWasMade(certs, made).join('\n')}

Real radio samples as server-sent events; paste this (Ctrl-C ends it):

  ${firstCommand(certs, host, port)}

`;
}

function whatWasMade(
  certs: string,
  { created, policyWritten, p12Password }: Pick<UpFacts, 'created' | 'policyWritten' | 'p12Password'>,
): string[] {
  return [
    created.length === 0
      ? `certificates        ${certs}/ (all were there; nothing was changed)`
      : `certificates made   ${certs}/: ${created.join(', ')}`,
    ...(created.includes('dashboard.p12')
      ? [`for your browser    ${join(certs, 'dashboard.p12')}, password "${p12Password}"`]
      : []),
    ...(policyWritten
      ? [`policy made         ${join(certs, 'policy.yaml')}: oran-client may do everything, dash-* may read`]
      : []),
  ];
}

/** The command to paste. The development certificate is for localhost: curl asks for that, wherever the gateway listens. */
function firstCommand(certs: string, host: string, port: number): string {
  return [
    'curl',
    ...(host === 'localhost' ? [] : ['--connect-to', `::${host}:`]),
    ...['--cacert', join(certs, 'ca.crt')],
    // What follows a colon there would be the password of the key (curl's manual, --cert).
    ...['--cert', join(certs, 'client.crt').replace(/[\\:]/g, '\\$&')],
    ...['--key', join(certs, 'client.key')],
    `https://localhost:${port}/v1/stations/adsb/iq`,
  ]
    .map(shellWord)
    .join(' ');
}

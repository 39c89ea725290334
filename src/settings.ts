import { AUDIT_SETTINGS, type AuditConfig } from './audit-settings.ts';
import { LOG_LEVELS, type LogLevel } from './observability/log.ts';
import { RADIO_SETTINGS, type RadioConfig } from './radio-settings.ts';
import { backendTarget, listenAddress, many, one, oneOf, optional, seconds, text, whole } from './setting-values.ts';
import { TRUST_SETTINGS, type TrustConfig } from './trust-settings.ts';

/** The programs that read settings. */
export type Program = 'up' | 'gateway' | 'backend';

/** Everything an operator can set, proven once; nobody validates it again. */
export interface Config extends AuditConfig, RadioConfig, TrustConfig {
  readonly host: string;
  readonly port: number;
  readonly backendHost: string;
  readonly backendPort: number;
  readonly metricsHost: string;
  readonly metricsPort: number;
  readonly certs: string;
  /** Policy file; undefined means policy.yaml in `certs`. */
  readonly policy: string | undefined;
  readonly proto: readonly string[];
  readonly protoPath: readonly string[];
  readonly backend: string;
  readonly backendName: string | undefined;
  readonly logLevel: LogLevel;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerCn: number;
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly shutdownMs: number;
}

/** One setting: how it is called everywhere, what it takes and what it is when nobody says. */
export interface Setting<T> {
  /** Without the dashes; the YAML key is the same, the environment variable PASSBAND_ and this in upper case. */
  readonly name: string;
  /** What stands for the value in the help text. */
  readonly argument: string;
  readonly help: string;
  readonly programs: readonly Program[];
  readonly repeatable?: true;
  readonly byDefault: string | undefined;
  /**
   * The value of the texts that were given: one; none where nobody says and there is no default; any number if repeatable.
   *
   * @throws RangeError with the text and what it must be.
   */
  readonly read: (texts: readonly string[]) => T;
}

/** A setting for each member of a configuration, of that member's type. */
export type SettingsOf<C> = { readonly [K in keyof C]: Setting<C[K]> };

const ALL: readonly Program[] = ['up', 'gateway', 'backend'];
const DOOR: readonly Program[] = ['up', 'gateway'];

const port = whole(0, 65_535, '');

/** Every setting, in the order of the documents. Defaults that are limits say why they are what they are. */
export const SETTINGS: SettingsOf<Config> = {
  port: {
    name: 'port',
    argument: 'port',
    help: 'HTTPS port of the gateway; 0 takes a free one and prints it',
    programs: DOOR,
    byDefault: '8443',
    read: one(port),
  },
  host: {
    name: 'host',
    argument: 'address',
    help: 'address that the gateway listens on; :: is every IPv6 and IPv4 address',
    programs: DOOR,
    byDefault: '::',
    read: one(listenAddress),
  },
  backendPort: {
    name: 'backend-port',
    argument: 'port',
    help: 'gRPC port of the backend; 0 takes a free one and prints it',
    programs: ['up', 'backend'],
    byDefault: '50051',
    read: one(port),
  },
  backendHost: {
    name: 'backend-host',
    argument: 'address',
    help: 'address that the backend listens on',
    programs: ['up', 'backend'],
    byDefault: '::',
    read: one(listenAddress),
  },
  metricsPort: {
    name: 'metrics-port',
    argument: 'port',
    help: 'port of /metrics, /healthz and /readyz, without TLS; 0 takes a free one',
    programs: ALL,
    byDefault: '9464',
    read: one(port),
  },
  metricsHost: {
    name: 'metrics-host',
    argument: 'address',
    help: 'address of that port; leave it on loopback',
    programs: ALL,
    byDefault: '127.0.0.1',
    read: one(listenAddress),
  },
  certs: {
    name: 'certs',
    argument: 'dir',
    help: 'folder with ca.crt, server.crt, server.key and so on',
    programs: ALL,
    byDefault: 'certs',
    read: one(text),
  },
  policy: {
    name: 'policy',
    argument: 'file',
    help: 'who may do what (default: policy.yaml in the certs folder)',
    programs: ALL,
    byDefault: undefined,
    read: optional(text),
  },
  proto: {
    name: 'proto',
    argument: 'dir|file',
    help: "protos to serve, repeatable (default: Passband's own)",
    programs: ['gateway'],
    repeatable: true,
    byDefault: undefined,
    read: many(text),
  },
  protoPath: {
    name: 'proto-path',
    argument: 'dir',
    help: 'further root for imports in protos, repeatable',
    programs: ['gateway'],
    repeatable: true,
    byDefault: undefined,
    read: many(text),
  },
  backend: {
    name: 'backend',
    argument: 'host:port',
    help: 'gRPC backend; a DNS name is balanced over all its addresses',
    programs: ['gateway'],
    byDefault: 'localhost:50051',
    read: one(backendTarget),
  },
  backendName: {
    name: 'backend-name',
    argument: 'name',
    help: "name in the backend's certificate, where it differs from the host",
    programs: ['gateway'],
    byDefault: undefined,
    read: optional(text),
  },
  logLevel: {
    name: 'log-level',
    argument: 'level',
    help: `least severity to log: ${LOG_LEVELS.join(', ')}`,
    programs: ALL,
    byDefault: 'info',
    read: one(oneOf(LOG_LEVELS)),
  },
  // What our backend takes: the longest batch of samples, 4 MiB, and its other fields. Other gRPC servers take 4 MiB by
  // default, and refuse what is longer themselves.
  maxBodyBytes: {
    name: 'max-body-bytes',
    argument: 'bytes',
    help: 'largest request body, and largest message of a request stream',
    programs: DOOR,
    byDefault: '4259840',
    read: one(whole(1, 1 << 30, 'bytes')),
  },
  // A connection costs about 50 KB of TLS state: a thousand are 50 MB.
  maxConnections: {
    name: 'max-connections',
    argument: 'n',
    help: 'connections at one time',
    programs: DOOR,
    byDefault: '1024',
    read: one(whole(1, 100_000, 'connections')),
  },
  // A browser opens six by itself; one caller must not take the whole door.
  maxConnectionsPerCn: {
    name: 'max-connections-per-cn',
    argument: 'n',
    help: 'connections at one time of one common name, or of one certificate without a usable one',
    programs: DOOR,
    byDefault: '128',
    read: one(whole(1, 100_000, 'connections')),
  },
  timeoutMs: {
    name: 'timeout',
    argument: 'seconds',
    help: 'deadline of a call that answers once, where the caller names none',
    programs: DOOR,
    byDefault: '30',
    read: one(seconds(0.001, 3600)),
  },
  maxTimeoutMs: {
    name: 'max-timeout',
    argument: 'seconds',
    help: 'longest deadline that a caller may name',
    programs: DOOR,
    byDefault: '300',
    read: one(seconds(0.001, 86_400)),
  },
  // Orchestrators commonly kill ten seconds after SIGTERM.
  shutdownMs: {
    name: 'shutdown',
    argument: 'seconds',
    help: 'time that a shutdown may take before what is left is cut',
    programs: ALL,
    byDefault: '8',
    read: one(seconds(0, 600)),
  },
  ...RADIO_SETTINGS,
  ...AUDIT_SETTINGS,
  ...TRUST_SETTINGS,
};

/** Environment variable of a setting. */
export function environmentName({ name }: Pick<Setting<unknown>, 'name'>): string {
  return `PASSBAND_${name.toUpperCase().replaceAll('-', '_')}`;
}

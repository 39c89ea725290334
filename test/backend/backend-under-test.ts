import { readFile } from 'node:fs/promises';
import { connect, createSecureContext } from 'node:tls';
import {
  type ClientReadableStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { PLATFORM_METHODS } from '../../src/backend/door/platform-methods.ts';
import { packageDefinition } from '../../src/backend/protos.ts';
import { type BackendOptions, type RunningBackend, startBackend } from '../../src/backend/server.ts';
import { DEV_POLICY, type KnownMethods, type Policy, parsePolicy } from '../../src/gateway/guard/policy.ts';
import { loadMaterial, type Material } from '../../src/trust/material.ts';
import { type Reloadable, unchanging } from '../../src/trust/reloadable.ts';
import { patientClock } from '../support/patient-clock.ts';
import { makeTestPki, type TestFiles, type TestPki } from '../support/pki.ts';
import { until } from '../support/until.ts';

/** A message as proto-loader gives it: enough types for assertions. */
export type Message = Readonly<Record<string, unknown>> & { readonly data?: Buffer };

/** What the backend itself serves, for parsing a policy; the gateway's own pages are among it. */
export const KNOWN_METHODS: KnownMethods = {
  names: () => [
    ...Object.values(packageDefinition).flatMap((definition) =>
      'format' in definition
        ? []
        : Object.values(definition).flatMap((method: { path?: string }) => method.path?.slice(1) ?? []),
    ),
    ...PLATFORM_METHODS,
    'passband.Gateway/Whoami',
  ],
  field: () => ({ kind: 'text', presence: false }),
  sampleRates: () => ({ request: [], hidden: false }),
};

export const policyOf = (text: string): Policy => parsePolicy(text, 'policy.yaml', KNOWN_METHODS);

/** One line of the backend's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What may differ from the defaults. */
export interface BackendTestOptions extends Partial<Omit<BackendOptions, 'policy'>> {
  readonly pki?: TestPki;
  readonly metrics?: Registry;
  readonly policy?: Policy | Reloadable<Policy>;
}

/** What a PKI's folder holds at this moment. */
export const backendMaterial = (pki: TestPki, before?: Material<'backend'>): Promise<Material<'backend'>> =>
  loadMaterial(pki.dir, ['backend'], { crlFiles: [], staleLists: 'refuse' }, before);

/** A backend of its own on a free port, with its own PKI. */
export class BackendUnderTest {
  readonly pki: TestPki;
  readonly backend: RunningBackend;
  readonly log: LogLine[];
  readonly #clients: { close(): void }[] = [];
  readonly #ownsPki: boolean;
  readonly #metrics: Registry;

  private constructor(pki: TestPki, ownsPki: boolean, backend: RunningBackend, log: LogLine[], metrics: Registry) {
    this.#metrics = metrics;
    this.#ownsPki = ownsPki;
    this.pki = pki;
    this.backend = backend;
    this.log = log;
  }

  static async start(options: BackendTestOptions = {}): Promise<BackendUnderTest> {
    const { pki = await makeTestPki(), policy = policyOf(DEV_POLICY), material, ...rest } = options;
    const { metrics = new Registry() } = options;
    const log: LogLine[] = [];
    const backend = await startBackend({
      host: '127.0.0.1',
      port: 0,
      material: material ?? unchanging(await backendMaterial(pki)),
      policy: 'current' in policy ? policy : unchanging(policy),
      stations: [],
      clock: patientClock(),
      log: pino({ level: 'trace' }, { write: (line: string) => log.push(JSON.parse(line)) }),
      metrics,
      ...rest,
    });
    return new BackendUnderTest(pki, options.pki === undefined, backend, log, metrics);
  }

  get address(): string {
    return `localhost:${this.backend.port}`;
  }

  /** A client of a service with a certificate: one of the PKI's names or files. */
  async client(
    service: string,
    who: 'client' | 'gateway' | 'dashboard' | TestFiles = 'client',
    protos: PackageDefinition = packageDefinition,
  ): Promise<Caller> {
    const { certPem, keyPem } = typeof who === 'string' ? await this.pki.pair(who) : who;
    const secure = credentials.createSsl(Buffer.from(this.pki.caPem), Buffer.from(keyPem), Buffer.from(certPem));
    const { packageName, name } = splitService(service);
    const loaded = loadPackageDefinition(protos);
    const Client = constructorAt(loaded, packageName, name);
    // A connection pool of its own, so that another certificate is another connection.
    const client = new Client(this.address, secure, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc-node.flow_control_window': 8 * 1024 * 1024,
    });
    this.#clients.push(client);
    return new Caller(client);
  }

  /** Connections that it has, by its own count. */
  async connections(): Promise<number> {
    const { values = [] } = (await this.#metrics.getSingleMetric('passband_backend_connections_open')?.get()) ?? {};
    return values[0]?.value ?? 0;
  }

  /** Waits until it has so many connections. */
  async connectionsBecome(count: number): Promise<void> {
    await until(
      `${count} connections`,
      () => this.connections(),
      (open) => open === count,
    );
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.backend.close(1000);
    if (this.#ownsPki) await this.pki.remove();
  }

  /** What a bare TLS connection to the backend negotiates, or the error. */
  async tls(options: {
    readonly maxVersion?: 'TLSv1.1' | 'TLSv1.2';
    readonly ciphers?: string;
    who?: TestFiles | null;
  }): Promise<string> {
    const { who = await this.pki.pair('client'), ...tls } = options;
    const pair = who === null ? {} : { cert: who.certPem, key: who.keyPem };
    const secureContext = createSecureContext({ ca: this.pki.caPem, ...pair, ...tls, minVersion: 'TLSv1' });
    return new Promise((resolve) => {
      const socket = connect({ host: 'localhost', port: this.backend.port, secureContext, ALPNProtocols: ['h2'] });
      socket.on('error', (error) => resolve(error.message));
      // With TLS 1.3 a refused client certificate shows after the handshake only.
      socket.on('data', () => {
        resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
        socket.destroy();
      });
      socket.on('close', () => resolve('closed'));
    });
  }
}

function splitService(service: string): { readonly packageName: string[]; readonly name: string } {
  const parts = service.split('.');
  return { packageName: parts.slice(0, -1), name: parts.at(-1) ?? '' };
}

function constructorAt(loaded: GrpcObject, path: readonly string[], name: string): ServiceClientConstructor {
  let at: GrpcObject | ServiceClientConstructor = loaded;
  for (const part of path) at = Reflect.get(at, part);
  return Reflect.get(at, name);
}

/** Calls methods of one service. */
export class Caller {
  readonly raw: InstanceType<ServiceClientConstructor>;

  constructor(client: InstanceType<ServiceClientConstructor>) {
    this.raw = client;
  }

  unary(method: string, request: object, metadata = new Metadata()): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.raw[method]?.(request, metadata, (error: ServiceError | null, response: Message) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }

  stream(method: string, request: object, metadata = new Metadata()): ClientReadableStream<Message> {
    return this.raw[method]?.(request, metadata);
  }

  /** The first messages of a stream, which is then cancelled. */
  async take(method: string, request: object, count: number): Promise<Message[]> {
    return this.takeWhile(method, request, (messages) => messages.length < count);
  }

  async takeWhile(method: string, request: object, more: (messages: Message[]) => boolean): Promise<Message[]> {
    const stream = this.stream(method, request);
    const messages: Message[] = [];
    try {
      for await (const message of stream) {
        messages.push(message);
        if (!more(messages)) break;
      }
    } finally {
      stream.cancel();
    }
    return messages;
  }

  /** The status a stream ends with, and how many messages came. */
  status(stream: ClientReadableStream<Message>): Promise<{ readonly code: number; readonly details: string }> {
    return new Promise((resolve) => {
      stream.on('error', () => undefined);
      stream.on('status', ({ code, details }) => resolve({ code, details }));
      stream.resume();
    });
  }
}

/** The error a promise rejects with, as `CODE: details`. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { code, details } = error as ServiceError;
    return `${code}: ${details}`;
  }
  return 'no error';
}

/** Text of a fixture. */
export const fixture = (name: string): Promise<Buffer> =>
  readFile(new URL(`../../fixtures/recordings/${name}`, import.meta.url));

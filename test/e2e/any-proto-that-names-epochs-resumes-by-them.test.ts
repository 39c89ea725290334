import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { runGateway } from '../../src/cli/run-gateway.ts';
import { resolveConfig } from '../../src/config.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { type Caller, callerOf, type EventStream, pairIn } from '../support/https.ts';
import { OPEN_POLICY } from '../support/library-stack.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

const PROTO = `syntax = "proto3";
package acme.tides.v1;
import "google/api/annotations.proto";
import "passband/v1/stream_options.proto";
service Tides {
  rpc Watch(WatchRequest) returns (stream Tide) {
    option (google.api.http) = {get: "/v1/tides"};
    option (passband.v1.stream) = {
      id_field: "reading" resume_field: "after" epoch_field: "gauge" resume_epoch_field: "gauge" contiguous_ids: true shareable: true
    };
  }
}
message WatchRequest { sint64 after = 1; string gauge = 2; string harbour = 3; }
message Tide { sint64 reading = 4; string gauge = 5; }
`;

interface Tide {
  readonly reading: number;
  readonly gauge: string;
}

let folder: string;
let pki: TestPki;
let server: grpc.Server;
let client: Caller;
let closeGateway: () => Promise<void>;
let tides: readonly Tide[] = [];
const asked: unknown[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'passband-tides-'));
  await mkdir(join(folder, 'acme'));
  await writeFile(join(folder, 'acme', 'tides.proto'), PROTO);
  const google = dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'));
  const includeDirs = [folder, join(PACKAGE_ROOT, 'proto'), google];
  const definition = loadSync('acme/tides.proto', { keepCase: true, longs: String, includeDirs });
  pki = await makeTestPki();
  await writeFile(join(pki.dir, 'policy.yaml'), OPEN_POLICY);
  server = new grpc.Server();
  server.addService(definition['acme.tides.v1.Tides'] as grpc.ServiceDefinition, {
    Watch: (call: grpc.ServerWritableStream<object, Tide>) => {
      asked.push(call.request);
      for (const tide of tides) call.write(tide);
      call.end();
    },
  });
  const { certPem, keyPem } = await pki.pair('backend');
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(pki.caPem),
    [{ cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) }],
    true,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  const flags = {
    port: '0',
    host: '127.0.0.1',
    'metrics-port': '0',
    certs: pki.dir,
    proto: [folder],
    backend: `localhost:${port}`,
  };
  const config = resolveConfig('gateway', { flags, environment: {}, file: undefined });
  const gateway = await runGateway(config, pino({ level: 'silent' }), new Registry());
  closeGateway = () => gateway.close(1000);
  client = callerOf(`https://localhost:${gateway.port}`, pki.caPem, pairIn(pki.dir, 'client'));
});
afterAll(async () => {
  await client?.close();
  await closeGateway?.();
  server?.forceShutdown();
  await pki?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function eventsOf(stream: EventStream): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const { event, id, data } of stream) events.push([event ?? '', id, JSON.parse(data)]);
  return events;
}

const END = { code: 0, message: 'OK', details: [] };

it('gives out ids with their epoch, counts within one and tells where one begins anew', async () => {
  tides = [
    { gauge: 'north', reading: -2 },
    { gauge: 'north', reading: 1 },
    { gauge: 'south', reading: 2 },
    { gauge: 'south', reading: 3 },
  ];
  expect(await eventsOf(await client.events('/v1/tides'))).toEqual([
    ['', 'north--2', { reading: '-2', gauge: 'north' }],
    ['gap', undefined, { lost: 2, from: 'north--1', to: 'north-0' }],
    ['', 'north-1', { reading: '1', gauge: 'north' }],
    ['gap', undefined, { lost: null, reason: 'epoch', from: 'north-1', to: 'south-2' }],
    ['', 'south-2', { reading: '2', gauge: 'south' }],
    ['', 'south-3', { reading: '3', gauge: 'south' }],
    ['end', '!end', END],
  ]);
});

it.each<readonly [string, object, readonly unknown[]]>([
  ['north--2', { after: '-2', gauge: 'north' }, [['gap', undefined, { lost: 5, from: 'north--1', to: 'north-3' }]]],
  ['north-3', { after: '3', gauge: 'north' }, []],
  [
    'west-9',
    { after: '9', gauge: 'west' },
    [['gap', undefined, { lost: null, reason: 'epoch', from: 'west-9', to: 'north-4' }]],
  ],
  // As a gateway gave them out that knew no epochs.
  ['3', { after: '3' }, []],
  ['-2', { after: '-2' }, [['gap', undefined, { lost: 5, from: 'north--1', to: 'north-3' }]]],
])('gives both parts of Last-Event-ID %s to the backend', async (id, request, gaps) => {
  tides = [{ gauge: 'north', reading: 4 }];
  asked.length = 0;
  const events = await eventsOf(await client.events(`/v1/tides?lastEventId=${id}&harbour=kiel`));
  expect(asked).toEqual([{ ...request, harbour: 'kiel' }]);
  expect(events).toEqual([...gaps, ['', 'north-4', { reading: '4', gauge: 'north' }], ['end', '!end', END]]);
});

it('is answered 204 after the end', async () => {
  expect((await client.call('/v1/tides', { headers: { 'last-event-id': '!end' } })).status).toBe(204);
});

it.each(['a_b', '', 'two words', 'x'.repeat(65)])(
  'ends where the backend names an epoch %j that ids cannot hold',
  async (gauge) => {
    tides = [
      { gauge: 'north', reading: 1 },
      { gauge, reading: 2 },
    ];
    const events = await eventsOf(await client.events('/v1/tides'));
    expect(events).toEqual([
      ['', 'north-1', { reading: '1', gauge: 'north' }],
      ['end', '!end', expect.objectContaining({ code: 13 })],
    ]);
  },
);

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { PACKAGE_ROOT } from '../../src/package-root.ts';

interface Reading {
  readonly meter_id: string;
  readonly value: number;
}

interface Total {
  readonly count: number;
  readonly sum: number;
}

/** The service that the README puts the gateway in front of. */
export interface Meter {
  readonly port: number;
  close(): void;
}

/** Starts it from its proto, with the backend's certificate of a folder. */
export async function startMeter(proto: string, certs: string): Promise<Meter> {
  const definition = await load(proto, { keepCase: true, includeDirs: [join(PACKAGE_ROOT, 'dist', 'include')] });
  const { example } = loadPackageDefinition(definition) as unknown as {
    readonly example: { readonly Meter: { readonly service: ServiceDefinition } };
  };
  const server = new Server();
  server.addService(example.Meter.service, {
    Sum: (call: ServerReadableStream<Reading, Total>, answer: sendUnaryData<Total>) => {
      const add = totals();
      let total: Total = { count: 0, sum: 0 };
      call.on('data', (reading: Reading) => {
        total = add(reading);
      });
      call.on('end', () => answer(null, total));
    },
    Follow: (call: ServerDuplexStream<Reading, Total>) => {
      const add = totals();
      call.on('data', (reading: Reading) => call.write(add(reading)));
      call.on('end', () => call.end());
    },
  });
  const file = (name: string): Promise<Buffer> => readFile(join(certs, name));
  const pair = { cert_chain: await file('backend.crt'), private_key: await file('backend.key') };
  const credentials = ServerCredentials.createSsl(await file('ca.crt'), [pair], true);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, close: () => server.forceShutdown() };
}

function totals(): (reading: Reading) => Total {
  let total: Total = { count: 0, sum: 0 };
  return ({ value }) => {
    total = { count: total.count + 1, sum: total.sum + value };
    return total;
  };
}

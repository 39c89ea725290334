import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Metadata, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';

/** A backend whose SubscribeIQ neither accepts nor refuses until it is told to. */
export interface SilentBackend {
  /** Calls that are open. */
  readonly open: ReadonlySet<ServerWritableStream<Buffer, Buffer>>;
  /** Calls that ever came. */
  readonly total: number;
  /** Lets every open call know that it is accepted. */
  accept(): void;
  close(): void;
}

/** Starts one on a port, with the backend's certificate of a certs folder. */
export async function startSilentBackend(certsDir: string, port: number): Promise<SilentBackend> {
  const read = (name: string): Buffer => readFileSync(join(certsDir, name));
  const asIs = (bytes: Buffer): Buffer => bytes;
  const open = new Set<ServerWritableStream<Buffer, Buffer>>();
  let total = 0;
  const server = new Server();
  server.addService(
    {
      SubscribeIQ: {
        path: '/sdr.oran.IQStreamService/SubscribeIQ',
        requestStream: false,
        responseStream: true,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    },
    {
      SubscribeIQ: (call: ServerWritableStream<Buffer, Buffer>) => {
        total++;
        open.add(call);
        call.on('cancelled', () => open.delete(call));
      },
    },
  );
  const pair = { cert_chain: read('backend.crt'), private_key: read('backend.key') };
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createSsl(read('ca.crt'), [pair], true), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return {
    open,
    get total() {
      return total;
    },
    accept: () => {
      for (const call of open) call.sendMetadata(new Metadata());
    },
    close: () => server.forceShutdown(),
  };
}

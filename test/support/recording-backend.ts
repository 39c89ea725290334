import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';

/** A call as it came over the wire. */
export interface RecordedCall {
  readonly method: string;
  readonly metadata: Metadata;
  /** Request messages, as bytes; of a stream, those so far. */
  readonly requests: Buffer[];
}

/** A backend that takes down what reaches it, and answers everything with empty messages. */
export interface RecordingBackend {
  /** Calls so far, oldest first. */
  readonly calls: readonly RecordedCall[];
  /** Calls since this was last asked. */
  take(): readonly RecordedCall[];
  close(): void;
}

/** The methods to serve by their full names, `package.Service/Method`: whether requests and answers are streams. */
export type RecordedMethods = Readonly<Record<string, { readonly stream: boolean }>>;

/** Starts one on a port, with the backend's certificate of a certs folder. */
export async function startRecordingBackend(
  certsDir: string,
  port: number,
  methods: RecordedMethods,
): Promise<RecordingBackend> {
  const read = (name: string): Buffer => readFileSync(join(certsDir, name));
  const asIs = (bytes: Buffer): Buffer => bytes;
  const calls: RecordedCall[] = [];
  let taken = 0;
  const server = new Server();
  for (const [method, { stream }] of Object.entries(methods)) {
    const definition = {
      path: `/${method}`,
      requestStream: stream,
      responseStream: stream,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    const unary = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
      calls.push({ method, metadata: call.metadata, requests: [call.request] });
      done(null, Buffer.alloc(0));
    };
    const duplex = (call: ServerDuplexStream<Buffer, Buffer>): void => {
      const requests: Buffer[] = [];
      calls.push({ method, metadata: call.metadata, requests });
      call.on('data', (request: Buffer) => {
        requests.push(request);
        call.write(Buffer.alloc(0));
      });
      call.on('end', () => call.end());
      call.on('error', () => {});
    };
    server.addService({ call: definition }, { call: stream ? duplex : unary });
  }
  const pair = { cert_chain: read('backend.crt'), private_key: read('backend.key') };
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createSsl(read('ca.crt'), [pair], true), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return {
    calls,
    take: () => {
      const fresh = calls.slice(taken);
      taken = calls.length;
      return fresh;
    },
    close: () => server.forceShutdown(),
  };
}

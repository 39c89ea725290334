import { EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import type { TestPki } from './pki.ts';

/** The folder of the protos of a service that the project has never seen. */
export const LIBRARY_PROTO = join(PACKAGE_ROOT, 'test', 'fixtures', 'library');

const GOOGLE_PROTOS = dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'));

const definition = loadSync(
  ['acme/library/v1/library.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'],
  {
    keepCase: true,
    longs: String,
    enums: String,
    bytes: String,
    oneofs: false,
    includeDirs: [LIBRARY_PROTO, GOOGLE_PROTOS],
  },
);

/** A message of those protos, encoded by the library that gRPC's own servers use. */
export function encode(type: string, value: object): Buffer {
  return (definition[type] as MessageTypeDefinition<object, object>).serialize(value);
}

/** The other way round. */
export function decode(type: string, bytes: Buffer): Readonly<Record<string, unknown>> {
  return (definition[type] as MessageTypeDefinition<object, object>).deserialize(bytes) as Record<string, unknown>;
}

/** A call as the backend saw it. */
export interface SeenCall {
  readonly method: string;
  /** The request; of a stream of requests, the last so far. */
  request: unknown;
  readonly metadata: Readonly<Record<string, grpc.MetadataValue>>;
  /** Serial number of the certificate that the caller showed. */
  readonly peerSerial: string | undefined;
  /** Milliseconds that were left when the call came; Infinity without a deadline. */
  readonly leftMs: number;
  /** Resolves when the client has cancelled the call. */
  readonly cancelled: Promise<unknown>;
}

/** The service, over mTLS on a free port. */
export interface Library {
  readonly port: number;
  /** Calls so far, oldest first. */
  readonly calls: readonly SeenCall[];
  /** Waits for the next call of a method. */
  next(method: string): Promise<SeenCall>;
  /** Makes the next `times` calls of a method fail so. */
  fail(method: string, status: Partial<grpc.StatusObject>, times?: number): void;
  /** Holds unary calls back until they are cancelled. */
  hold(method: string): void;
  close(): Promise<void>;
}

type AnyCall = grpc.ServerUnaryCall<Fields, object> | grpc.ServerDuplexStream<Fields, object>;
type Fields = Readonly<Record<string, unknown>>;

/** Starts the service with the certificates of a PKI. */
export async function startLibrary(pki: TestPki, options: { readonly port?: number } = {}): Promise<Library> {
  const calls: SeenCall[] = [];
  const arrivals = new EventEmitter();
  const failures: { method: string; status: Partial<grpc.StatusObject>; times: number }[] = [];
  const held = new Set<string>();

  const note = (method: string, call: AnyCall): SeenCall => {
    const deadline = call.getDeadline();
    const seen: SeenCall = {
      method,
      request: 'request' in call ? call.request : undefined,
      metadata: call.metadata.getMap(),
      peerSerial: call.getAuthContext().sslPeerCertificate?.serialNumber,
      leftMs: Number(deadline) - Date.now(),
      cancelled: new Promise((resolve) => call.once('cancelled', resolve)),
    };
    calls.push(seen);
    arrivals.emit(method, seen);
    return seen;
  };
  const failure = (method: string): Partial<grpc.StatusObject> | undefined => {
    const found = failures.find((planned) => planned.method === method && planned.times > 0);
    if (found !== undefined) found.times--;
    return found?.status;
  };
  const unary =
    (method: string, answer: (request: Fields) => object): grpc.handleUnaryCall<Fields, object> =>
    (call, callback) => {
      note(method, call);
      const status = failure(method);
      if (status !== undefined) callback(status as grpc.ServiceError);
      else if (!held.has(method)) callback(null, answer(call.request));
    };

  const server = new grpc.Server();
  const service = definition['acme.library.v1.Library'] as grpc.ServiceDefinition;
  server.addService(service, {
    GetBook: unary('GetBook', ({ name, isbn }) => ({ ...BOOK, name, isbn })),
    ListBooks: unary('ListBooks', () => BOOK),
    CreateBook: unary('CreateBook', ({ parent, book, book_id: id }) => ({
      ...(book as object),
      name: `${parent}/books/${id}`,
    })),
    UpdateBook: unary('UpdateBook', ({ book }) => book as object),
    DeleteBook: unary('DeleteBook', () => ({})),
    LendBook: unary('LendBook', ({ name }) => ({ name, lent: true })),
    ReadPath: unary('ReadPath', ({ name }) => ({ name })),
    GetCover: unary('GetCover', () => ({ content_type: 'image/png', data: COVER.toString('base64') })),
    PutCover: unary('PutCover', ({ name }) => ({ name })),
    ReadText: ((call: grpc.ServerWritableStream<Fields, object>) => {
      note('ReadText', call as unknown as AnyCall);
      for (const part of TEXT) call.write({ content_type: 'text/plain; charset=utf-8', data: base64(part) });
      call.end();
    }) satisfies grpc.handleServerStreamingCall<Fields, object>,
    WatchBooks: ((call: grpc.ServerWritableStream<Fields, object>) => {
      note('WatchBooks', call as unknown as AnyCall);
      const status = failure('WatchBooks');
      if (status !== undefined) return void call.emit('error', status);
      const count = Number(call.request.count);
      for (let number = 1; number <= (count || 1); number++) call.write({ title: String(number) });
      if (count > 0) call.end();
    }) satisfies grpc.handleServerStreamingCall<Fields, object>,
    ImportBooks: ((call: grpc.ServerReadableStream<Fields, object>, callback) => {
      const seen = note('ImportBooks', call as unknown as AnyCall);
      const books: Fields[] = [];
      call.on('data', (book: Fields) => {
        books.push(book);
        seen.request = book;
      });
      call.on('end', () =>
        callback(null, {
          books: books.length,
          titles: books.map(({ title }) => title),
          shelf: String(books.at(-1)?.shelf ?? ''),
        }),
      );
    }) satisfies grpc.handleClientStreamingCall<Fields, object>,
    Shout: ((call: grpc.ServerDuplexStream<Fields, object>) => {
      const seen = note('Shout', call);
      call.on('data', (book: Fields) => {
        seen.request = book;
        call.write({ ...book, title: String(book.title).toUpperCase() });
      });
      call.on('end', () => call.end());
    }) satisfies grpc.handleBidiStreamingCall<Fields, object>,
  });
  const { certPem, keyPem } = await pki.pair('backend');
  const credentials = grpc.ServerCredentials.createSsl(
    Buffer.from(pki.caPem),
    [{ cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) }],
    true,
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    calls,
    next: async (method) => (await once(arrivals, method))[0] as SeenCall,
    fail: (method, status, times = 1) => failures.push({ method, status, times }),
    hold: (method) => held.add(method),
    close: async () => server.forceShutdown(),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What GetCover gives out. */
export const COVER = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255, 10, 13]);
/** What ReadText gives out, a part a message. */
export const TEXT: readonly string[] = ['Call me Ishmael.\n', 'Söme years ago—\n', 'never mind how long'];

/** A book with a value in every kind of field, as proto-loader takes it. */
export const BOOK = {
  title: 'Möby-Dick',
  authors: [{ given_name: 'Herman', family_name: 'Melville' }],
  genre: 'GENRE_NOVEL',
  digest: 'AP+A/w==',
  published: { seconds: '-3740947200', nanos: 500_000_000 },
  loan_period: { seconds: '1209600', nanos: 0 },
  labels: { fields: { whale: { boolValue: true }, chapters: { numberValue: 135 } } },
  copies: { value: '9007199254740993' },
  pages_by_volume: { one: '635' },
  lent: false,
  price: Number.NaN,
  paper_grams: 80,
};

/** The same book as the JSON mapping of protobuf has it. */
export const BOOK_JSON = {
  title: 'Möby-Dick',
  authors: [{ givenName: 'Herman', familyName: 'Melville' }],
  genre: 'GENRE_NOVEL',
  digest: 'AP+A/w==',
  published: '1851-06-16T00:00:00.500Z',
  loanPeriod: '1209600s',
  labels: { whale: true, chapters: 135 },
  copies: '9007199254740993',
  pagesByVolume: { one: '635' },
  lent: false,
  price: 'NaN',
  paperGrams: 80,
};

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescMessage, FileRegistry } from '@bufbuild/protobuf';
import { loadSync, type MessageTypeDefinition, type Options } from '@grpc/proto-loader';
import { knownMethods } from '../../src/cli/known-methods.ts';
import { loadDescriptors } from '../../src/descriptors.ts';
import { parseRequestTarget } from '../../src/gateway/routes/path.ts';
import { type BoundRequest, bindRequest, type RequestBinder } from '../../src/gateway/routes/request.ts';
import { buildRouteTable, type Route } from '../../src/gateway/routes/table.ts';
import { PACKAGE_ROOT } from '../../src/package-root.ts';
import { inFolderWith, oracleRegistry } from '../support/protos.ts';
import { openRulings, type Reading } from './rulings.ts';
import { compareViews, compareWithLoader, readByLoader, readByProtobufEs } from './views.ts';

const PROTOS = join(PACKAGE_ROOT, 'test', 'fuzz', 'protos');

/** Bindings of every shape; routes that overlap, so that a reader who splits a path otherwise takes another one. */
const BINDINGS = [
  'get: "/get/{id}"',
  'get: "/typed/{n}/{flag}/{colour}/{data}/{big}/{ratio}"',
  'get: "/times/{time}/{span}/{count}"',
  'get: "/deep/{book.author.name=people/*}"',
  'get: "/s/{id}"',
  'get: "/s/{id}:start"',
  'get: "/s/{id}/{tag}"',
  'get: "/s/open"',
  'get: "/rest/{id=**}"',
  'get: "/rest/{id=**}:start"',
  'post: "/whole/{id}" body: "*"',
  'post: "/whole/{book.author.name}/{n}/{data}/{time}" body: "*"',
  'post: "/rest/{id=a/**}" body: "*"',
  'post: "/tag/{tag}" body: "*"',
  'patch: "/update/{book.name}" body: "book"',
  'put: "/list/{id}" body: "many"',
  'put: "/map/{id}" body: "books"',
  'put: "/scalar/{id}" body: "n"',
  'put: "/value/{id}" body: "value"',
  'put: "/novel/{id}" body: "novel"',
];
const NOTE_BINDINGS = [
  'post: "/note/{id}" body: "*"',
  'put: "/part/{id}" body: "delimited"',
  'put: "/inner/{id}" body: "inner"',
  'get: "/note/{id}"',
];

const SERVICE = `syntax = "proto3";
package fuzz;
import "google/api/annotations.proto";
import "desk.proto";
import "lectern.proto";
service Desk {
${BINDINGS.map((http, at) => `rpc Call${at}(Request) returns (Request) { option (google.api.http) = { ${http} }; }`).join('\n')}
}
service Lectern {
${NOTE_BINDINGS.map((http, at) => `rpc Note${at}(Note) returns (Note) { option (google.api.http) = { ${http} }; }`).join('\n')}
}
`;

/** A request bound to its route. */
export interface Bound {
  readonly route: Route;
  readonly binder: RequestBinder;
  /** The path of the request, without its query. */
  readonly path: string;
}

/** Routes and messages to fuzz with, and a second reader of the same protos. */
export interface Desk {
  readonly routes: readonly Route[];
  readonly registry: FileRegistry;
  descOf(type: string): DescMessage;
  /** Routes `METHOD TARGET`; undefined where nothing is found there. */
  bind(request: string): Bound | undefined;
  /** Fails where what is decided on differs from what the bytes hold, or the decision from one on what they hold. */
  compare(route: Route, request: BoundRequest): void;
}

const CONTROLS = new Set(['overflow', 'lastEventId']);

/** Compiles the protos with our reader and with buf. */
export async function openDesk(): Promise<Desk> {
  const registry = oracleRegistry(PROTOS);
  const read = (name: string): string => readFileSync(join(PROTOS, name), 'utf8');
  const files = { 'desk.proto': read('desk.proto'), 'lectern.proto': read('lectern.proto'), 'service.proto': SERVICE };
  const descriptors = await inFolderWith(files, (folder) => loadDescriptors({ paths: [folder] }));
  const table = buildRouteTable(descriptors);
  const descOf = (type: string): DescMessage => {
    const desc = registry.getMessage(type);
    if (desc === undefined) throw new Error(`no ${type}`);
    return desc;
  };
  const desc = descOf('fuzz.Request');
  const decode = loaded({ enums: Number });
  // As the backend of this package reads them.
  const decodeAtBackend = loaded({ enums: String, defaults: true });
  const rulings = openRulings(knownMethods(descriptors), { 'fuzz.Desk': desc, 'fuzz.Lectern': descOf('fuzz.Note') });
  return {
    routes: table.routes,
    registry,
    descOf,
    bind: (request) => {
      const space = request.indexOf(' ');
      const { segments, query } = parseRequestTarget(request.slice(space + 1));
      const match = table.match(request.slice(0, space), segments);
      if (match.kind !== 'route') return undefined;
      const binder = bindRequest(match.route, match.segments, query, CONTROLS);
      return { route: match.route, binder, path: request.slice(space + 1).split('?')[0] ?? '' };
    },
    compare: (route, request) => {
      const { message, bytes } = request;
      const type = descOf(route.request.fullName);
      const found = readByProtobufEs(type, request);
      const readings: Reading[] = found === undefined ? [] : [{ reader: 'protobuf-es', request: found.all }];
      // It knows nothing of editions.
      const isKnown = type === desc;
      const atBackend = isKnown ? readByLoader(desc, decodeAtBackend, bytes) : undefined;
      if (atBackend !== undefined) readings.push({ reader: 'proto-loader', request: atBackend });
      rulings.compare(route.method.name, message, readings);
      compareViews(type, request);
      const there = isKnown ? readByLoader(desc, decode, bytes) : undefined;
      if (there !== undefined) compareWithLoader(there, message);
    },
  };
}

/** A reader of requests by @grpc/proto-loader. */
function loaded(options: Options): (bytes: Buffer) => object {
  const types = loadSync('desk.proto', { keepCase: true, longs: String, includeDirs: [PROTOS], ...options });
  return (types['fuzz.Request'] as MessageTypeDefinition<object, object>).deserialize;
}

import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import protobuf from 'protobufjs';
import { UsageError } from './errors.ts';
import { type HttpBinding, httpBindings, methodOption, type StreamOptions, streamOptions } from './method-options.ts';
import { PACKAGE_ROOT } from './package-root.ts';

/** One RPC. */
export interface MethodDescriptor {
  /** `package.Service/Method`: how policies, logs and metrics call it. */
  readonly name: string;
  /** `/package.Service/Method`: the gRPC path. */
  readonly path: string;
  readonly service: string;
  readonly shortName: string;
  readonly request: protobuf.Type;
  readonly response: protobuf.Type;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  readonly bindings: readonly HttpBinding[];
  readonly stream: StreamOptions;
  /** True when calling it twice is as good as once: NO_SIDE_EFFECTS or IDEMPOTENT. */
  readonly idempotent: boolean;
  readonly deprecated: boolean;
  /** The comment above it in the proto; empty when there is none. */
  readonly comment: string;
}

/** One service. */
export interface ServiceDescriptor {
  readonly name: string;
  readonly comment: string;
  readonly methods: readonly MethodDescriptor[];
}

/** Everything that was read from a set of protos. Frozen: made once at start. */
export interface Descriptors {
  readonly root: protobuf.Root;
  /** Ordered by name. */
  readonly services: readonly ServiceDescriptor[];
  /** By `package.Service/Method`. */
  readonly methods: ReadonlyMap<string, MethodDescriptor>;
}

/** Where the google/ protos lie that the build takes from their npm package. */
const GOOGLE_INCLUDE = join(PACKAGE_ROOT, 'dist', 'include');
/** Where Passband's own protos lie. */
export const PASSBAND_PROTO = join(PACKAGE_ROOT, 'proto');

/** Folders below a proto root that are read; a deeper tree is a mistake or a link that goes round. */
const MAX_FOLDER_DEPTH = 32;
/** Proto files in one set; googleapis as a whole has about 6,000. */
const MAX_PROTO_FILES = 10_000;

/** What to load. */
export interface LoadOptions {
  /** Proto files, or folders that are searched for `*.proto`. */
  readonly paths: readonly string[];
  /** Further roots for `import` lines, like protoc's -I. */
  readonly includePaths?: readonly string[];
}

/**
 * Reads protos and everything they import. Imports are looked for beside the importing file's package root, in the
 * given folders and include paths, then among Passband's own and Google's common protos.
 *
 * @throws UsageError that names the file (and line, where the parser knows it) and what is wrong.
 */
export async function loadDescriptors(options: LoadOptions): Promise<Descriptors> {
  const files: string[] = [];
  const roots = [...(options.includePaths ?? [])].map((path) => resolve(path));
  for (const path of options.paths) {
    const absolute = resolve(path);
    if (isFolder(absolute)) {
      roots.push(absolute);
      files.push(...(await protoFilesBelow(absolute)));
    } else {
      roots.push(dirname(absolute));
      files.push(absolute);
    }
  }
  if (files.length === 0) throw new UsageError(`no .proto file in ${options.paths.join(', ')}`);

  const root = new protobuf.Root();
  root.resolvePath = (origin, target) => resolveImport(origin, target, roots);
  try {
    await root.load(files, { keepCase: true, alternateCommentMode: true });
    root.resolveAll();
  } catch (error) {
    throw new UsageError(`protos cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return describe(root, new Set(files));
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new UsageError(`${path}: no such file or folder`, { cause: error });
  }
}

async function protoFilesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (at: string, depth: number): Promise<void> => {
    if (depth > MAX_FOLDER_DEPTH) throw new UsageError(`${folder}: folders nest deeper than ${MAX_FOLDER_DEPTH}`);
    for (const entry of await readdir(at, { withFileTypes: true })) {
      if (entry.isDirectory() && entry.name !== 'node_modules') await walk(join(at, entry.name), depth + 1);
      else if (entry.name.endsWith('.proto')) found.push(join(at, entry.name));
      if (found.length > MAX_PROTO_FILES) throw new UsageError(`${folder}: more than ${MAX_PROTO_FILES} .proto files`);
    }
  };
  await walk(folder, 0);
  return found.sort();
}

function resolveImport(origin: string, target: string, roots: readonly string[]): string {
  if (target.startsWith(sep)) return target;
  const candidates = [...roots, ...ancestors(origin), PASSBAND_PROTO, GOOGLE_INCLUDE];
  for (const folder of candidates) {
    const path = join(folder, target);
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  }
  throw new UsageError(
    `${origin}: import "${target}" was not found in ${[...roots].join(', ')}; name its root with --proto-path`,
  );
}

/** The folders above a file, nearest first: one of them is the root its imports are written against. */
function ancestors(file: string): string[] {
  const folders: string[] = [];
  for (let at = dirname(file); folders.length < MAX_FOLDER_DEPTH && at !== dirname(at); at = dirname(at)) {
    folders.push(at);
  }
  return folders;
}

function describe(root: protobuf.Root, files: ReadonlySet<string>): Descriptors {
  const services: ServiceDescriptor[] = [];
  const visit = (namespace: protobuf.NamespaceBase): void => {
    for (const nested of namespace.nestedArray) {
      if (nested instanceof protobuf.Service && files.has(nested.filename ?? ''))
        services.push(describeService(nested));
      else if (nested instanceof protobuf.Namespace) visit(nested);
    }
  };
  visit(root);
  services.sort((a, b) => (a.name < b.name ? -1 : 1));
  const methods = new Map(services.flatMap((service) => service.methods.map((method) => [method.name, method])));
  return Object.freeze({ root, services, methods });
}

function describeService(service: protobuf.Service): ServiceDescriptor {
  const name = service.fullName.slice(1);
  return {
    name,
    comment: service.comment ?? '',
    methods: service.methodsArray.map((method) => describeMethod(name, method)),
  };
}

function describeMethod(service: string, method: protobuf.Method): MethodDescriptor {
  const request = method.resolvedRequestType;
  const response = method.resolvedResponseType;
  if (request === null || response === null) throw new UsageError(`${service}/${method.name}: its types are unknown`);
  const level = methodOption(method, 'idempotency_level');
  const name = `${service}/${method.name}`;
  return {
    name,
    path: `/${name}`,
    service,
    shortName: method.name,
    request,
    response,
    clientStreaming: method.requestStream === true,
    serverStreaming: method.responseStream === true,
    bindings: httpBindings(name, methodOption(method, '(google.api.http)')),
    stream: streamOptions(name, request, response, methodOption(method, '(passband.v1.stream)')),
    idempotent: level === 'NO_SIDE_EFFECTS' || level === 'IDEMPOTENT',
    deprecated: methodOption(method, 'deprecated') === true,
    comment: method.comment ?? '',
  };
}

import protobuf from 'protobufjs';
import { type BodyHeader, bodyHeaders } from './body-options.ts';
import { UsageError } from './errors.ts';
import { fieldRange } from './field-range.ts';
import { type HttpBinding, httpBindings } from './http-bindings.ts';
import { type LoadOptions, PASSBAND_PROTO, readProtoFiles } from './proto-files.ts';
import { protoOption } from './proto-option.ts';
import { type StreamOptions, streamOptions } from './stream-options.ts';
import { qualifyTypeNames } from './type-names.ts';

export { ERROR_DETAILS_PROTO, type LoadOptions, PASSBAND_PROTO } from './proto-files.ts';

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
  /** Response headers of the bodies that it answers with. */
  readonly bodyHeaders: readonly BodyHeader[];
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

/**
 * Reads protos and everything they import. Imports are looked for in the given folders and include paths (first in
 * the one that holds the importing file), in the folders above the importing file, then among Passband's own and
 * Google's common protos.
 *
 * @throws UsageError that names the file (and line, where the parser knows it) and what is wrong.
 */
export async function loadDescriptors(options: LoadOptions): Promise<Descriptors> {
  const { root, asked } = await readProtoFiles(options);
  qualifyTypeNames(root);
  try {
    root.resolveAll();
  } catch (error) {
    throw new UsageError(`protos cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return describe(root, asked);
}

let own: Promise<Descriptors> | undefined;

/** What {@link loadDescriptors} reads from protos by their paths; where there are none, from Passband's own, and that once. */
export async function descriptorsOf(
  paths: readonly string[] = [],
  includePaths: readonly string[] = [],
): Promise<Descriptors> {
  if (paths.length > 0) return await loadDescriptors({ paths, includePaths });
  if (includePaths.length > 0) return await loadDescriptors({ paths: [PASSBAND_PROTO], includePaths });
  own ??= loadDescriptors({ paths: [PASSBAND_PROTO] });
  return await own;
}

function describe(root: protobuf.Root, files: ReadonlySet<string>): Descriptors {
  const services: ServiceDescriptor[] = [];
  const visit = (namespace: protobuf.NamespaceBase): void => {
    for (const nested of namespace.nestedArray) {
      if (nested instanceof protobuf.Service && files.has(nested.filename ?? ''))
        services.push(describeService(nested));
      else if (nested instanceof protobuf.Namespace) visit(nested);
      // Plans of messages are made when they are first needed; a wrong option is told at the start.
      if (nested instanceof protobuf.Type) nested.fieldsArray.forEach(fieldRange);
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
  const level = protoOption(method, 'idempotency_level');
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
    bindings: httpBindings(name, protoOption(method, '(google.api.http)')),
    stream: streamOptions(name, request, response, protoOption(method, '(passband.v1.stream)')),
    bodyHeaders: bodyHeaders(name, method, protoOption(method, '(passband.v1.body)')),
    idempotent: level === 'NO_SIDE_EFFECTS' || level === 'IDEMPOTENT',
    deprecated: protoOption(method, 'deprecated') === true,
    comment: method.comment ?? '',
  };
}

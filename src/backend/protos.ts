import { join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';
import { PACKAGE_ROOT } from '../package-root.ts';
import { readSampleBatch } from './iq/push/sample-batch.ts';

const FILES = [
  ...['iq_stream', 'spectrum', 'station', 'antenna', 'recording/v1/recording'].map((name) => `sdr/oran/${name}.proto`),
  ...['error_details', 'status'].map((name) => `google/rpc/${name}.proto`),
];

/**
 * The protos as gRPC wants them. Messages have the field names of the proto; 64-bit integers are decimal strings, enums
 * their names (a number where the name is not known), bytes Buffers; absent fields have their default, but `optional`
 * ones are absent.
 */
export const packageDefinition: PackageDefinition = loadSync(FILES, {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  includeDirs: [join(PACKAGE_ROOT, 'proto'), join(PACKAGE_ROOT, 'dist', 'include')],
});

/** How requests are read that are not decoded field by field, by the method's path. */
const OWN_READERS: Readonly<Record<string, (message: Buffer) => object>> = {
  '/sdr.oran.IQStreamService/StreamIQ': readSampleBatch,
};

/** A service by its full name. Buffers given as responses are taken as encoded messages and sent as they are. */
export function serviceDefinition(name: string): ServiceDefinition {
  const found = packageDefinition[name];
  if (found === undefined || 'format' in found) throw new Error(`no service ${name} in the protos`);
  return passEncodedResponses(
    Object.fromEntries(
      Object.entries(found).map(([name, method]) => {
        const { requestDeserialize, ...rest } = method;
        return [name, { ...rest, requestDeserialize: OWN_READERS[method.path] ?? requestDeserialize }];
      }),
    ),
  );
}

/** A service whose responses may be encoded messages besides objects. */
export function passEncodedResponses(service: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => {
      const responseSerialize = (value: object): Buffer =>
        Buffer.isBuffer(value) ? value : method.responseSerialize(value);
      return [name, { ...method, responseSerialize }];
    }),
  );
}

function isMessageType(definition: PackageDefinition[string]): definition is MessageTypeDefinition<object, object> {
  return 'format' in definition && definition.format === 'Protocol Buffer 3 DescriptorProto';
}

/**
 * The protos as server reflection reads them: it decodes the descriptors of all files once for each definition, though every
 * one has the same. Of a hundred definitions and more one is enough.
 */
export function reflectedDefinition(): PackageDefinition {
  return Object.fromEntries(
    Object.entries(packageDefinition)
      .filter(([, one]) => isMessageType(one))
      .slice(0, 1),
  );
}

/** A message type by its full name. */
export function messageType(name: string): MessageTypeDefinition<object, object> {
  const found = packageDefinition[name];
  if (found === undefined || !isMessageType(found)) throw new Error(`no message ${name} in the protos`);
  return found;
}

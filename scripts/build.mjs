// Compiles src/ to dist/ and lays the Google protos that annotations need beside it (dist/include), taken from their
// npm package, so that the running program needs neither that package nor the other eighty megabytes of it.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const googleProtos = dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'));

const GOOGLE_PROTOS = [
  'google/api/annotations.proto',
  'google/api/client.proto',
  'google/api/field_behavior.proto',
  'google/api/http.proto',
  'google/api/httpbody.proto',
  'google/api/launch_stage.proto',
  'google/api/resource.proto',
  'google/longrunning/operations.proto',
  'google/protobuf/any.proto',
  'google/protobuf/api.proto',
  'google/protobuf/descriptor.proto',
  'google/protobuf/duration.proto',
  'google/protobuf/empty.proto',
  'google/protobuf/field_mask.proto',
  'google/protobuf/source_context.proto',
  'google/protobuf/struct.proto',
  'google/protobuf/timestamp.proto',
  'google/protobuf/type.proto',
  'google/protobuf/wrappers.proto',
  'google/rpc/code.proto',
  'google/rpc/error_details.proto',
  'google/rpc/status.proto',
  'google/type',
];

rmSync(dist, { recursive: true, force: true });
for (const name of GOOGLE_PROTOS) {
  cpSync(join(googleProtos, name), join(dist, 'include', name), { recursive: true });
}
cpSync(join(googleProtos, 'LICENSE'), join(dist, 'include', 'LICENSE'));

const compiled = spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
chmodSync(join(dist, 'cli', 'main.js'), 0o755);

/** The full method name of the reflection service, under which both of its versions are decided. */
export const REFLECTION_METHOD = 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

/**
 * Methods that every backend serves beside those of its protos, by the names that a policy may use: gRPC's health
 * checking (grpc.health.v1) and server reflection protocols.
 */
export const PLATFORM_METHODS: readonly string[] = [
  'grpc.health.v1.Health/Check',
  'grpc.health.v1.Health/List',
  'grpc.health.v1.Health/Watch',
  REFLECTION_METHOD,
];

/** The name under which the policy decides a gRPC path (`/package.Service/Method`). */
export function policyName(path: string): string {
  const name = path.slice(1);
  return name.startsWith('grpc.reflection.') ? REFLECTION_METHOD : name;
}

import protobuf from 'protobufjs';
import { UsageError } from './errors.ts';

/**
 * Replaces every type name in a set of protos by its full name, found by protobuf's scoping rule: the innermost scope
 * that knows the name, from the place where it stands outwards. protobufjs by itself also looks into unrelated inner
 * scopes and may take a namesake.
 *
 * @throws UsageError that names the file, the place and the type that is not there.
 */
export function qualifyTypeNames(namespace: protobuf.NamespaceBase): void {
  if (namespace instanceof protobuf.Type) for (const field of namespace.fieldsArray) qualifyField(field);
  if (namespace instanceof protobuf.Service) {
    for (const method of namespace.methodsArray) {
      method.requestType = qualify(namespace, method.requestType, method);
      method.responseType = qualify(namespace, method.responseType, method);
    }
  }
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Namespace) qualifyTypeNames(nested);
    else if (nested instanceof protobuf.Field) qualifyField(nested);
  }
}

function qualifyField(field: protobuf.Field): void {
  if (Object.hasOwn(protobuf.types.basic, field.type)) return;
  // An extension stands in the extended type too, but its type name is meant where it was declared.
  const declared = field.declaringField ?? field;
  if (declared.parent !== null) field.type = qualify(declared.parent, field.type, declared);
}

function qualify(scope: protobuf.NamespaceBase, name: string, where: protobuf.ReflectionObject): string {
  const absolute = name.startsWith('.');
  const parts = (absolute ? name.slice(1) : name).split('.');
  for (let at: protobuf.NamespaceBase | null = absolute ? scope.root : scope; at !== null; at = at.parent) {
    const found = descend(at, parts);
    if (found !== undefined) return found.fullName;
  }
  throw new UsageError(
    `${where.filename ?? scope.filename ?? 'proto'}: ${where.fullName.slice(1)}: type "${name}" is not defined; is an import missing?`,
  );
}

function descend(from: protobuf.NamespaceBase, parts: readonly string[]): protobuf.Type | protobuf.Enum | undefined {
  let at: protobuf.ReflectionObject | undefined = from;
  for (const part of parts) {
    if (!(at instanceof protobuf.Namespace) || at.nested === undefined || !Object.hasOwn(at.nested, part))
      return undefined;
    at = at.nested[part];
  }
  return at instanceof protobuf.Type || at instanceof protobuf.Enum ? at : undefined;
}

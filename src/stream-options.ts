import type protobuf from 'protobufjs';
import { UsageError } from './errors.ts';
import { isRecord } from './is-record.ts';
import { optionList } from './proto-option.ts';

/** What happens to a reader that is slower than its stream. */
export type Overflow = 'block' | 'drop-oldest' | 'latest';

/** passband.v1.StreamOptions of a method; absent options have the defaults named there. */
export interface StreamOptions {
  readonly idField: string | undefined;
  readonly resumeField: string | undefined;
  /** Field of the response that names the epoch in which `idField` counts. */
  readonly epochField: string | undefined;
  /** Field of the request that takes an epoch back; there where `epochField` and `resumeField` are. */
  readonly resumeEpochField: string | undefined;
  /** Fields of the request that say where the stream begins, those of a resume included. */
  readonly beginFields: readonly string[];
  readonly contiguousIds: boolean;
  readonly shareable: boolean;
  readonly overflow: Overflow;
  /** Every policy a caller may choose, the default included. */
  readonly allowedOverflow: ReadonlySet<Overflow>;
}

const OVERFLOWS: Readonly<Record<string, Overflow>> = {
  OVERFLOW_BLOCK: 'block',
  OVERFLOW_DROP_OLDEST: 'drop-oldest',
  OVERFLOW_LATEST: 'latest',
};

const INTEGERS = new Set([
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
]);

/** Integers that have no sign: of an epoch, a sign could not be told from the dash behind it. */
const UNSIGNED = new Set(['uint32', 'fixed32', 'uint64', 'fixed64']);

const STREAM_KEYS: ReadonlySet<string> = new Set([
  'id_field',
  'resume_field',
  'contiguous_ids',
  'epoch_field',
  'resume_epoch_field',
  'begin_fields',
  'shareable',
  'overflow',
  'allowed_overflow',
]);

/**
 * The streaming behaviour that `passband.v1.stream` gives a method, checked against its messages.
 *
 * @throws UsageError that names the method and the option.
 */
export function streamOptions(
  method: string,
  request: protobuf.Type,
  response: protobuf.Type,
  given: unknown,
): StreamOptions {
  const where = `${method}: (passband.v1.stream)`;
  if (given !== undefined && !isRecord(given)) throw new UsageError(`${where} is given more than once`);
  const options = given ?? {};
  for (const key of Object.keys(options)) {
    if (!STREAM_KEYS.has(key)) throw new UsageError(`${where} has no field "${key}"`);
  }
  const flag = (name: 'contiguous_ids' | 'shareable'): boolean => {
    const value = options[name] ?? false;
    if (typeof value !== 'boolean') throw new UsageError(`${where}: ${name} must be true or false`);
    return value;
  };
  const overflow = (value: unknown): Overflow => {
    if (value === undefined || value === 'OVERFLOW_UNSPECIFIED') return 'block';
    const policy = typeof value === 'string' ? OVERFLOWS[value] : undefined;
    if (policy === undefined) throw new UsageError(`${where}: unknown overflow ${String(value)}`);
    return policy;
  };
  const scalar = (type: protobuf.Type, name: unknown, what: string): protobuf.Field | undefined => {
    if (name === undefined) return undefined;
    const field = typeof name === 'string' && Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (field === undefined)
      throw new UsageError(`${where}: ${what} "${String(name)}" is no field of ${type.fullName}`);
    if (field.repeated || field.map || !(field.type === 'string' || INTEGERS.has(field.type))) {
      throw new UsageError(`${where}: ${what} "${field.name}" must be one string or integer`);
    }
    return field;
  };
  const idField = scalar(response, options.id_field, 'id_field');
  const resumeField = scalar(request, options.resume_field, 'resume_field');
  const contiguousIds = flag('contiguous_ids');
  if (resumeField !== undefined && idField === undefined)
    throw new UsageError(`${where}: resume_field needs an id_field`);
  if (contiguousIds && (idField === undefined || idField.type === 'string')) {
    throw new UsageError(`${where}: contiguous_ids needs an integer id_field`);
  }
  const epochField = scalar(response, options.epoch_field, 'epoch_field');
  const resumeEpochField = scalar(request, options.resume_epoch_field, 'resume_epoch_field');
  checkEpochs(where, { idField, resumeField, epochField, resumeEpochField });
  const byDefault = overflow(options.overflow);
  const beginField = (name: unknown): string => {
    if (typeof name === 'string' && Object.hasOwn(request.fields, name)) return name;
    throw new UsageError(`${where}: begin_fields "${String(name)}" is no field of ${request.fullName}`);
  };
  const resumeFields = [resumeField, resumeEpochField].flatMap((field) => field?.name ?? []);
  return {
    idField: idField?.name,
    resumeField: resumeField?.name,
    epochField: epochField?.name,
    resumeEpochField: resumeEpochField?.name,
    beginFields: [...resumeFields, ...optionList(options.begin_fields).map(beginField)],
    contiguousIds,
    shareable: flag('shareable'),
    overflow: byDefault,
    allowedOverflow: new Set([byDefault, ...optionList(options.allowed_overflow).map(overflow)]),
  };
}

type PositionFields = Readonly<
  Record<'idField' | 'resumeField' | 'epochField' | 'resumeEpochField', protobuf.Field | undefined>
>;

/** Ids are given out and taken back whole, or an old one could pass for a new one. */
function checkEpochs(where: string, { idField, resumeField, epochField, resumeEpochField }: PositionFields): void {
  const refuse = (message: string): never => {
    throw new UsageError(`${where}: ${message}`);
  };
  for (const field of [epochField, resumeEpochField]) {
    if (field !== undefined && field.type !== 'string' && !UNSIGNED.has(field.type)) {
      refuse(`epoch "${field.name}" must be one string or unsigned integer`);
    }
  }
  if (epochField !== undefined && idField === undefined) refuse('epoch_field needs an id_field');
  if (resumeEpochField !== undefined && (resumeField === undefined || epochField === undefined)) {
    refuse('resume_epoch_field needs a resume_field and an epoch_field');
  }
  if (epochField !== undefined && resumeField !== undefined && resumeEpochField === undefined) {
    refuse('epoch_field and resume_field need a resume_epoch_field');
  }
  sameKind(refuse, idField, resumeField);
  sameKind(refuse, epochField, resumeEpochField);
}

function sameKind(
  refuse: (message: string) => never,
  given: protobuf.Field | undefined,
  taken: protobuf.Field | undefined,
): void {
  if (given === undefined || taken === undefined || (given.type === 'string') === (taken.type === 'string')) return;
  refuse(`"${given.name}" and "${taken.name}" must both be strings or both be integers`);
}

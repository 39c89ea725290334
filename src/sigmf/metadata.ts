import { UsageError } from '../errors.ts';

/** Bytes of a metadata file that are read at most; real ones are a few KiB, heavily annotated ones some MiB. */
export const MAX_METADATA_BYTES = 16 * 1024 * 1024;

/** A capture segment, SigMF 1.2.5 "Captures Array". */
export interface SigmfCapture {
  /** Index in the file of the first sample it holds for. */
  readonly sampleStart: number;
  /** Centre frequency in Hz. */
  readonly frequencyHz: number | undefined;
  /** RFC 3339 time of the first sample, as written. */
  readonly datetime: string | undefined;
  /** Index of the first sample in the original stream. */
  readonly globalIndex: number | undefined;
}

/** What a .sigmf-meta file says, as far as Passband uses it. */
export interface SigmfMetadata {
  /** `core:datatype` as written, such as `cu8`. */
  readonly datatype: string;
  readonly version: string;
  /** Samples per second. */
  readonly sampleRateHz: number | undefined;
  /** SHA-512 of the data file, lower-case hex. */
  readonly sha512: string | undefined;
  readonly description: string | undefined;
  readonly captures: readonly SigmfCapture[];
  /** Number of annotations; their content is not looked at. */
  readonly annotationCount: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Datatypes of SigMF 1.2.5: 8-bit ones without a byte order, all others with one. */
const DATATYPE = /^[rc](?:(?:f32|f64|i32|i16|u32|u16)_[lb]e|[iu]8)$/;
const SHA512 = /^[0-9a-f]{128}$/i;
const DATETIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/**
 * Reads the text of a .sigmf-meta file.
 *
 * @param file its name, for messages.
 * @throws UsageError `FILE: FIELD is wrong; remedy`.
 */
export function parseSigmfMetadata(text: string, file: string): SigmfMetadata {
  const fail = (field: string, problem: string): never => {
    throw new UsageError(`${file}: ${field} ${problem}`);
  };
  if (Buffer.byteLength(text) > MAX_METADATA_BYTES) fail('the file', `is larger than ${MAX_METADATA_BYTES} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file}: is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const top = isObject(parsed) ? parsed : fail('the file', 'must hold a JSON object');
  const global = isObject(top.global) ? top.global : fail('global', 'is missing or no object');
  const field = new FieldReader(fail);

  const datatype = field.text(global, 'global', 'core:datatype');
  if (datatype === undefined || !DATATYPE.test(datatype)) {
    return fail('global.core:datatype', 'is missing or no SigMF datatype such as cf32_le, ci16_le, ci8 or cu8');
  }
  const version = field.text(global, 'global', 'core:version') ?? fail('global.core:version', 'is missing');
  const sampleRateHz = field.number(global, 'global', 'core:sample_rate');
  if (sampleRateHz !== undefined && sampleRateHz <= 0) fail('global.core:sample_rate', 'must be positive');
  const sha512 = field.text(global, 'global', 'core:sha512');
  if (sha512 !== undefined && !SHA512.test(sha512)) fail('global.core:sha512', 'must be 128 hexadecimal digits');

  const captures = field
    .list(top, 'captures')
    .map((capture, i) => parseCapture(capture, `captures[${i}]`, field, fail));
  const annotations = field.list(top, 'annotations');
  const starts = annotations.map((annotation, i) => field.index(annotation, `annotations[${i}]`, 'core:sample_start'));
  checkSorted(
    captures.map((capture) => capture.sampleStart),
    'captures',
    fail,
  );
  checkSorted(starts, 'annotations', fail);
  return {
    datatype,
    version,
    sampleRateHz,
    sha512: sha512?.toLowerCase(),
    description: field.text(global, 'global', 'core:description'),
    captures,
    annotationCount: annotations.length,
  };
}

function parseCapture(capture: Json, where: string, field: FieldReader, fail: Fail): SigmfCapture {
  const datetime = field.text(capture, where, 'core:datetime');
  if (datetime !== undefined && !DATETIME.test(datetime)) {
    fail(`${where}.core:datetime`, 'must be an RFC 3339 time in UTC that ends in Z');
  }
  if ((field.number(capture, where, 'core:header_bytes') ?? 0) !== 0) {
    fail(`${where}.core:header_bytes`, 'must be 0: data files with headers are not supported; convert the file first');
  }
  return {
    sampleStart: field.index(capture, where, 'core:sample_start'),
    frequencyHz: field.number(capture, where, 'core:frequency'),
    datetime,
    globalIndex:
      capture['core:global_index'] === undefined ? undefined : field.index(capture, where, 'core:global_index'),
  };
}

type Fail = (field: string, problem: string) => never;

/** Typed reads of JSON members; each failure names the member. */
class FieldReader {
  readonly #fail: Fail;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  text(object: Json, where: string, name: string): string | undefined {
    const value = object[name];
    return value === undefined || typeof value === 'string'
      ? value
      : this.#fail(`${where}.${name}`, 'must be a string');
  }

  number(object: Json, where: string, name: string): number | undefined {
    const value = object[name];
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
    return this.#fail(`${where}.${name}`, 'must be a number');
  }

  index(object: Json, where: string, name: string): number {
    const value = object[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    return this.#fail(`${where}.${name}`, 'must be an integer of at least 0');
  }

  list(top: Json, name: string): readonly Json[] {
    const value = top[name];
    if (!Array.isArray(value)) return this.#fail(name, 'is missing or no array');
    return value.map((entry: unknown, i) =>
      isObject(entry) ? entry : this.#fail(`${name}[${i}]`, 'must be an object'),
    );
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkSorted(starts: readonly number[], name: string, fail: Fail): void {
  for (let i = 1; i < starts.length; i++) {
    if ((starts[i] ?? 0) < (starts[i - 1] ?? 0))
      fail(`${name}[${i}].core:sample_start`, 'must not be before the one above');
  }
}

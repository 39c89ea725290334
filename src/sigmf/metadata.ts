import { UsageError } from '../errors.ts';
import { checkNames } from './core-fields.ts';
import { parseDatetime } from './datetime.ts';
import { type Bounds, type Fail, isObject, SigmfFields } from './fields.ts';

/** Bytes of a metadata file that are read at most; real ones are a few KiB, heavily annotated ones some MiB. */
export const MAX_METADATA_BYTES = 16 * 1024 * 1024;

/** A capture segment, SigMF 1.2.5 "Captures Array". */
export interface SigmfCapture {
  /** Index of the first sample it holds for, counted like `offset`. */
  readonly sampleStart: number;
  /** Centre frequency in Hz. */
  readonly frequencyHz: number | undefined;
  /** RFC 3339 time of the first sample, as written. */
  readonly datetime: string | undefined;
  /** The same, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly timestampNs: bigint | undefined;
  /** Index of the first sample in the original stream. */
  readonly globalIndex: number | undefined;
  /** Bytes in front of its samples that are none. */
  readonly headerBytes: number;
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
  /** Interleaved channels. */
  readonly channels: number;
  /** Index of the first sample of the data file. */
  readonly offset: number;
  /** Name of the data file where it is not the metadata's own with `.sigmf-data`; never a path. */
  readonly dataset: string | undefined;
  /** Whether it is given out without a data file. */
  readonly metadataOnly: boolean;
  /** Bytes behind the samples that are none. */
  readonly trailingBytes: number;
  readonly captures: readonly SigmfCapture[];
  /** Number of annotations; their content is not looked at but for their place. */
  readonly annotationCount: number;
}

/** Datatypes of SigMF 1.2.5: 8-bit ones without a byte order, all others with one. */
const DATATYPE = /^[rc](?:(?:f32|f64|i32|i16|u32|u16)_[lb]e|[iu]8)$/;
const SHA512 = /^[0-9a-f]{128}$/i;
const VERSION = /^[01]\.\d{1,6}\.\d{1,6}$/;
/** A file name as core:dataset may have it; what could lead out of the folder is none. */
const FILE_NAME = /^(?!\.{1,2}$)[^\\/:*?"<>|\p{Cc}]{1,255}$/u;
/** Limits of the official JSON schema. */
const SAMPLE_RATE: Bounds = { min: 1, max: 1e12, unit: 'samples/s' };
const FREQUENCY: Bounds = { min: -1e12, max: 1e12, unit: 'Hz' };

/**
 * Reads the text of a .sigmf-meta file by the words of SigMF 1.2.5, which are stricter than its JSON schema.
 *
 * @param file its name, for messages.
 * @param rates sample rates that are taken; those of the standard unless whoever reads can use fewer.
 * @throws UsageError `FILE: FIELD is wrong; remedy`.
 */
export function parseSigmfMetadata(text: string, file: string, rates: Bounds = SAMPLE_RATE): SigmfMetadata {
  const fail: Fail = (field, problem) => {
    throw new UsageError(`${file}: ${field} ${problem}`);
  };
  if (Buffer.byteLength(text) > MAX_METADATA_BYTES) fail('the file', `is larger than ${MAX_METADATA_BYTES} bytes`);
  const top = parseTop(text, file, fail);
  const global = new SigmfFields(
    isObject(top.global) ? top.global : fail('global', 'is missing or no object'),
    'global',
    fail,
  );

  const datatype = global.text('core:datatype');
  if (datatype === undefined || !DATATYPE.test(datatype)) {
    return global.fail('core:datatype', 'is missing or no SigMF datatype such as cf32_le, ci16_le, ci8 or cu8');
  }
  const version = global.text('core:version') ?? global.fail('core:version', 'is missing');
  if (!VERSION.test(version)) global.fail('core:version', 'must be that of a known SigMF, such as 1.2.5');
  checkNames(global, 'global', version);
  checkExtensions(global);
  const sha512 = global.text('core:sha512');
  if (sha512 !== undefined && !SHA512.test(sha512)) global.fail('core:sha512', 'must be 128 hexadecimal digits');
  const dataset = global.text('core:dataset');
  if (dataset !== undefined && !FILE_NAME.test(dataset)) {
    global.fail('core:dataset', 'must be the name of a file in the same folder, without a path');
  }

  const lists = new SigmfFields(top, '', fail);
  const captures = (lists.list('captures') ?? fail('captures', 'is missing')).map((capture) =>
    parseCapture(capture, version),
  );
  const annotations = lists.list('annotations') ?? fail('annotations', 'is missing');
  const starts = annotations.map((annotation) => annotationStart(annotation, version));
  checkSorted(
    captures.map(({ sampleStart }) => sampleStart),
    'captures',
    fail,
  );
  checkSorted(starts, 'annotations', fail);
  const trailingBytes = global.count('core:trailing_bytes', 'bytes') ?? 0;
  const headed = captures.findIndex(({ headerBytes }) => headerBytes > 0);
  if (dataset === undefined && (trailingBytes > 0 || headed >= 0)) {
    const field = trailingBytes > 0 ? 'global.core:trailing_bytes' : `captures[${headed}].core:header_bytes`;
    fail(field, 'is for non-conforming datasets only: name the data file in global.core:dataset');
  }
  return {
    datatype,
    version,
    sampleRateHz: global.number('core:sample_rate', rates),
    sha512: sha512?.toLowerCase(),
    description: global.text('core:description'),
    channels: global.count('core:num_channels', 'channels', 1) ?? 1,
    offset: global.count('core:offset', 'samples') ?? 0,
    dataset,
    metadataOnly: global.boolean('core:metadata_only') ?? false,
    trailingBytes,
    captures,
    annotationCount: annotations.length,
  };
}

function parseTop(text: string, file: string, fail: Fail): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the file, which may be another than whoever asks was meant to see.
    const [place = ''] = / \(line \d+ column \d+\)$/.exec(error instanceof Error ? error.message : '') ?? [];
    throw new UsageError(`${file}: is no JSON${place}`, { cause: error });
  }
  return isObject(parsed) ? parsed : fail('the file', 'must hold a JSON object');
}

/** An extension that is not optional must be supported by whoever reads; none is needed to play samples. */
function checkExtensions(global: SigmfFields): void {
  for (const extension of global.list('core:extensions') ?? []) {
    const name = extension.text('name') ?? extension.fail('name', 'is missing');
    if (extension.text('version') === undefined) extension.fail('version', 'is missing');
    const optional = extension.boolean('optional') ?? extension.fail('optional', 'is missing');
    if (!optional) extension.fail('optional', `is false, and the extension ${name} is not supported here`);
  }
}

function parseCapture(capture: SigmfFields, version: string): SigmfCapture {
  checkNames(capture, 'capture', version);
  const datetime = capture.text('core:datetime');
  const timestampNs = datetime === undefined ? undefined : parseDatetime(datetime);
  if (datetime !== undefined && timestampNs === undefined) {
    capture.fail('core:datetime', 'must be an RFC 3339 time in UTC that ends in Z');
  }
  return {
    sampleStart: capture.count('core:sample_start', 'samples') ?? capture.fail('core:sample_start', 'is missing'),
    frequencyHz: capture.number('core:frequency', FREQUENCY),
    datetime,
    timestampNs,
    globalIndex: capture.count('core:global_index', 'samples'),
    headerBytes: capture.count('core:header_bytes', 'bytes') ?? 0,
  };
}

function annotationStart(annotation: SigmfFields, version: string): number {
  checkNames(annotation, 'annotation', version);
  annotation.count('core:sample_count', 'samples');
  return annotation.count('core:sample_start', 'samples') ?? annotation.fail('core:sample_start', 'is missing');
}

function checkSorted(starts: readonly number[], name: string, fail: Fail): void {
  for (let i = 1; i < starts.length; i++) {
    if ((starts[i] ?? 0) < (starts[i - 1] ?? 0))
      fail(`${name}[${i}].core:sample_start`, 'must not be before the one above');
  }
}

import { access, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Datatype, isDatatype } from '../../backend/iq/formats.ts';
import { MAX_DECIMATION } from '../../backend/iq/tuned/tuned-band.ts';
import { SAMPLE_RATE } from '../../backend/stations/ranges.ts';
import { exists } from '../../durable-files.ts';
import { UsageError } from '../../errors.ts';
import type { TlsMaterial } from '../../pki/tls-files.ts';
import { rfc3339Ns } from '../../rfc3339.ts';

/** What the options of `passband record` say, as given. */
export interface RecordFlags {
  readonly output: string;
  readonly seconds?: string;
  readonly samples?: string;
  readonly datatype?: string;
  readonly from?: string;
  readonly frequencyOffsetHz?: string;
  readonly outputRate?: string;
  readonly url: string;
  readonly certs: string;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly retry: string;
}

/** How samples are written. */
export type OutputForm = 'raw' | 'pair' | 'archive';

/** Where the first sample is. */
export type RecordFrom =
  | { readonly kind: 'live' }
  | { readonly kind: 'earliest' }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'time'; readonly timestampNs: bigint };

/** A proven order to record. */
export interface RecordOrder {
  readonly stationId: string;
  readonly url: URL;
  readonly tls: TlsMaterial;
  readonly datatype: Datatype | undefined;
  /** How much; without a member, until it is interrupted. */
  readonly samples?: number;
  readonly seconds?: number;
  readonly from: RecordFrom;
  /** The part of the station's band, as SubscribeIQ's query names it; without it, all of the band. */
  readonly part?: { readonly frequencyOffsetHz: number; readonly outputRate: number };
  readonly form: OutputForm;
  /** The file that is named at the end; of a pair, without its extension. */
  readonly file: string;
  /** Milliseconds without a sample after which it gives up. */
  readonly retryMs: number;
}

/** What programs that read raw samples call them. */
const RAW_DATATYPES: Readonly<Record<string, Datatype>> = {
  cf32: 'cf32_le',
  cfile: 'cf32_le',
  cs16: 'ci16_le',
  ci16: 'ci16_le',
  cs8: 'ci8',
  ci8: 'ci8',
  cu8: 'cu8',
};

/** Samples a second of any part of a band: a 4096th of the slowest station to all of the fastest. */
const MIN_RATE = SAMPLE_RATE.min / MAX_DECIMATION;
const MAX_RATE = SAMPLE_RATE.max;

/** Names of the files that an output has in the end. */
export function outputFiles({ form, file }: Pick<RecordOrder, 'form' | 'file'>): readonly string[] {
  return form === 'pair' ? [`${file}.sigmf-data`, `${file}.sigmf-meta`] : [file];
}

/**
 * Proves the options of `passband record`.
 *
 * @throws UsageError naming the option and the remedy.
 */
export async function readRecordOrder(stationId: string, flags: RecordFlags): Promise<RecordOrder> {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(stationId)) {
    throw new UsageError(`"${stationId}" is no station; an id is 1 to 64 of A-Z a-z 0-9 _ -`);
  }
  const output = outputOf(flags.output);
  const datatype = datatypeOf(flags.datatype, output.datatype);
  if (flags.seconds !== undefined && flags.samples !== undefined) {
    throw new UsageError('--seconds and --samples say the same in two ways; leave one out');
  }
  const order = {
    stationId,
    url: urlOf(flags.url),
    datatype,
    ...(flags.seconds === undefined ? {} : { seconds: numberOf('--seconds', flags.seconds, 1e-6, 31_622_400, 's') }),
    ...(flags.samples === undefined ? {} : { samples: samplesOf(flags.samples) }),
    from: fromOf(flags.from),
    ...partOf(flags),
    form: output.form,
    file: output.file,
    retryMs: numberOf('--retry', flags.retry, 0, 86_400, 's') * 1000,
  };
  for (const file of outputFiles(order)) {
    if (await isThere(file)) throw new UsageError(`${file} exists already and is never overwritten; name another`);
  }
  return { ...order, tls: await readMaterial(flags) };
}

function outputOf(name: string): Pick<RecordOrder, 'form' | 'file'> & { readonly datatype: Datatype | undefined } {
  const pair = /^(.+)\.sigmf-(?:meta|data)$/.exec(name);
  if (pair?.[1] !== undefined) return { form: 'pair', file: pair[1], datatype: undefined };
  const [, extension = ''] = /^.+\.([^.]+)$/.exec(basename(name)) ?? [];
  if (extension === 'sigmf') {
    // Names in an archive are its own, without what no reader of every system takes.
    if (!/^[A-Za-z0-9._-]{1,86}$/.test(basename(name))) {
      throw new UsageError(`--output ${name}: an archive's name must be 1 to 80 of A-Z a-z 0-9 . _ -, and .sigmf`);
    }
    return { form: 'archive', file: name, datatype: undefined };
  }
  const datatype = RAW_DATATYPES[extension];
  if (datatype !== undefined || extension === 'iq' || extension === 'raw') return { form: 'raw', file: name, datatype };
  throw new UsageError(
    `--output ${name}: its extension says how it is written: .sigmf (archive), .sigmf-meta (pair of files), ` +
      'or raw samples as .cf32, .cs16, .cs8, .cu8 or .iq',
  );
}

function datatypeOf(asked: string | undefined, named: Datatype | undefined): Datatype | undefined {
  if (asked === undefined) return named;
  if (!isDatatype(asked)) throw new UsageError(`--datatype ${asked}: must be cf32_le, ci16_le, ci8 or cu8`);
  if (named !== undefined && named !== asked) {
    throw new UsageError(`--datatype ${asked}: the output's extension says ${named}; leave one out`);
  }
  return asked;
}

function numberOf(flag: string, text: string, min: number, max: number, unit: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= min && value <= max) return value;
  throw new UsageError(`${flag} ${text}: must be a number from ${min} to ${max} ${unit}`);
}

function samplesOf(text: string): number {
  const value = numberOf('--samples', text, 1, 2e15, 'samples');
  if (!Number.isInteger(value)) throw new UsageError(`--samples ${text}: must be a whole number`);
  return value;
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new UsageError(`--url ${text}: must be the gateway's address, such as https://localhost:8443`);
  }
  return url;
}

function fromOf(text: string | undefined): RecordFrom {
  if (text === undefined || text === 'live') return { kind: 'live' };
  if (text === 'earliest') return { kind: 'earliest' };
  if (/^\d{1,15}$/.test(text)) return { kind: 'index', index: Number(text) };
  const [, back] = /^-(\d{1,6}(?:\.\d{1,9})?)s$/.exec(text) ?? [];
  if (back !== undefined)
    return { kind: 'time', timestampNs: BigInt(Date.now() - Math.round(Number(back) * 1000)) * 1_000_000n };
  const timestampNs = rfc3339Ns(text);
  if (timestampNs !== undefined) return { kind: 'time', timestampNs };
  throw new UsageError(
    `--from ${text}: must be earliest, a sample index, an RFC 3339 time, or seconds back such as -2.5s`,
  );
}

/** Which offset and rate a station has is said by its server; here it is seen to that they are numbers. */
function partOf({ frequencyOffsetHz, outputRate }: RecordFlags): Pick<RecordOrder, 'part'> {
  const offsetHz = numberOf('--frequency-offset-hz', frequencyOffsetHz ?? '0', -MAX_RATE / 2, MAX_RATE / 2, 'Hz');
  if (outputRate !== undefined) {
    const rate = numberOf('--output-rate', outputRate, MIN_RATE, MAX_RATE, 'samples/s');
    return { part: { frequencyOffsetHz: offsetHz, outputRate: rate } };
  }
  if (frequencyOffsetHz === undefined) return {};
  throw new UsageError('--frequency-offset-hz needs --output-rate: the width that is wanted there');
}

async function readMaterial({ certs, cacert, cert, key }: RecordFlags): Promise<TlsMaterial> {
  const read = async (flag: string, file: string): Promise<string> =>
    readFile(file, 'utf8').catch((cause: unknown) => {
      throw new UsageError(
        `${file} cannot be read; name the folder of certificates by --certs, or the file by ${flag}`,
        {
          cause,
        },
      );
    });
  const caFile = cacert ?? join(certs, 'ca.crt');
  const certFile = cert ?? join(certs, 'client.crt');
  const keyFile = key ?? join(certs, 'client.key');
  // One behind the other: of several that are not there, the first is named, and always the same.
  const caPem = await read('--cacert', caFile);
  const certPem = await read('--cert', certFile);
  const keyPem = await read('--key', keyFile);
  return { caPem, certPem, keyPem, caFile, certFile, keyFile };
}

async function isThere(file: string): Promise<boolean> {
  await access(dirname(file)).catch((cause: unknown) => {
    throw new UsageError(`${dirname(file)}: there is no such folder; make it first`, { cause });
  });
  return await exists(file);
}

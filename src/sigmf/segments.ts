import { UsageError } from '../errors.ts';
import type { SigmfCapture, SigmfMetadata } from './metadata.ts';
import { samplesNs } from './samples-ns.ts';

/** Nanoseconds by which a stated time may differ from the samples' own count and still say the same: most write milliseconds. */
const SAME_TIME_NS = 1_000_000n;

/** Samples from the first to the last of a recording, gaps included: ten days at 20 MS/s. A larger index is a mistake. */
export const MAX_INDEX_SPAN = 17_592_186_044_416;

/** Samples that follow one another without a gap, all of one frequency. */
export interface Segment {
  /** Where its first sample lies in the data file, bytes. */
  readonly byteOffset: number;
  readonly samples: number;
  /** Index of its first sample in the original stream, counted from the first sample of the recording. */
  readonly index: number;
  /** Centre frequency in Hz; 0 where it is not stated. */
  readonly frequencyHz: number;
  /** Time of its first sample, nanoseconds since 1970-01-01T00:00:00Z; undefined where no capture states a time. */
  readonly timestampNs: bigint | undefined;
}

/**
 * What the captures of a recording come to. Captures that differ in nothing are one segment; those without samples are left
 * out; where the file begins before the first, that is one of unknown frequency ("captures": [] is the case of it).
 *
 * @param dataBytes size of the data file.
 * @throws UsageError that names file and field: no samples, no whole ones, headers longer than the file, an index that goes back.
 */
export function segmentsOf(
  metadata: SigmfMetadata,
  bytesPerSample: number,
  dataBytes: number,
  names: { readonly meta: string; readonly data: string },
): readonly Segment[] {
  const headerBytes = metadata.captures.reduce((sum, capture) => sum + capture.headerBytes, 0);
  const sampleBytes = dataBytes - headerBytes - metadata.trailingBytes;
  if (sampleBytes === 0) throw new UsageError(`${names.data}: holds no samples; there is nothing to play`);
  if (sampleBytes < 0 || sampleBytes % bytesPerSample !== 0) {
    const without = headerBytes + metadata.trailingBytes > 0 ? ' without headers and trailing bytes' : '';
    throw new UsageError(
      `${names.data}: ${sampleBytes} bytes${without} are no whole number of ${metadata.datatype} samples`,
    );
  }
  const total = sampleBytes / bytesPerSample;
  const rateHz = metadata.sampleRateHz ?? 1;
  const found: Segment[] = [];
  let headersBefore = 0;
  for (const { name, capture, begin, end, skipped } of piecesOf(metadata, total)) {
    headersBefore += capture.headerBytes;
    if (end <= begin) continue;
    const index = (capture.globalIndex ?? capture.sampleStart) + skipped;
    const stated = capture.timestampNs;
    const segment: Segment = {
      byteOffset: headersBefore + begin * bytesPerSample,
      samples: end - begin,
      index,
      frequencyHz: capture.frequencyHz ?? 0,
      timestampNs: stated === undefined ? undefined : stated + samplesNs(skipped, rateHz),
    };
    const last = found.at(-1);
    if (last !== undefined && index < last.index + last.samples) {
      throw new UsageError(
        `${names.meta}: ${name}.core:global_index goes back (without it, it is core:sample_start); correct it, or state it everywhere`,
      );
    }
    if (last !== undefined && isSame(last, segment, rateHz, bytesPerSample)) {
      found[found.length - 1] = { ...last, samples: last.samples + segment.samples };
    } else found.push(segment);
  }
  return timed(fromZero(found, names.meta), rateHz);
}

interface Piece {
  /** How messages name the capture. */
  readonly name: string;
  readonly capture: SigmfCapture;
  /** Samples in the file. */
  readonly begin: number;
  readonly end: number;
  /** Samples of the capture that lie before the file. */
  readonly skipped: number;
}

function piecesOf({ captures, offset }: SigmfMetadata, total: number): readonly Piece[] {
  const inFile = (index: number): number => Math.min(Math.max(index - offset, 0), total);
  const pieces = captures.map((capture, i) => ({
    name: `captures[${i}]`,
    capture,
    begin: inFile(capture.sampleStart),
    end: inFile(captures[i + 1]?.sampleStart ?? Number.MAX_SAFE_INTEGER),
    skipped: Math.max(0, offset - capture.sampleStart),
  }));
  const [first] = captures;
  if (first !== undefined && first.sampleStart <= offset) return pieces;
  return [
    {
      name: 'the beginning',
      capture: undescribed(offset, first),
      begin: 0,
      end: pieces[0]?.begin ?? total,
      skipped: 0,
    },
    ...pieces,
  ];
}

/** What the samples in front of the first capture come under: nothing is known of them but that they go on into it. */
function undescribed(offset: number, first: SigmfCapture | undefined): SigmfCapture {
  const globalIndex = first?.globalIndex === undefined ? undefined : first.globalIndex - (first.sampleStart - offset);
  const unknown = { frequencyHz: undefined, datetime: undefined, timestampNs: undefined };
  return { sampleStart: offset, globalIndex, headerBytes: 0, ...unknown };
}

/** Whether a segment says nothing but that the one before goes on. */
function isSame(before: Segment, next: Segment, rateHz: number, bytesPerSample: number): boolean {
  if (next.frequencyHz !== before.frequencyHz || next.index !== before.index + before.samples) return false;
  if (next.byteOffset !== before.byteOffset + before.samples * bytesPerSample) return false;
  if (next.timestampNs === undefined) return true;
  if (before.timestampNs === undefined) return false;
  const off = next.timestampNs - before.timestampNs - samplesNs(before.samples, rateHz);
  return off >= -SAME_TIME_NS && off <= SAME_TIME_NS;
}

function fromZero(segments: readonly Segment[], meta: string): readonly Segment[] {
  const first = segments[0]?.index ?? 0;
  const last = segments.at(-1);
  if (last !== undefined && last.index + last.samples - first > MAX_INDEX_SPAN) {
    throw new UsageError(`${meta}: its core:global_index spans more than ${MAX_INDEX_SPAN} samples; correct it`);
  }
  return segments.map((segment) => ({ ...segment, index: segment.index - first }));
}

/** Captures without a time have that which their index gives, counted from a neighbour. */
function timed(segments: readonly Segment[], rateHz: number): readonly Segment[] {
  let known = segments.find(({ timestampNs }) => timestampNs !== undefined);
  if (known === undefined) return segments;
  return segments.map((segment) => {
    if (segment.timestampNs !== undefined) {
      known = segment;
      return segment;
    }
    const from = known?.timestampNs ?? 0n;
    return { ...segment, timestampNs: from + samplesNs(segment.index - (known?.index ?? 0), rateHz) };
  });
}

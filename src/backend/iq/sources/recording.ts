import { createHash } from 'node:crypto';
import { UsageError } from '../../../errors.ts';
import { sigmfDatatype } from '../../../sigmf/datatypes.ts';
import type { SigmfMetadata } from '../../../sigmf/metadata.ts';
import { type Segment, segmentsOf } from '../../../sigmf/segments.ts';
import { type Carriage, carriageOf } from './carried-samples.ts';
import { type FilePart, openRecordingParts, readBytes } from './recording-parts.ts';

/** Bytes that are read and hashed at a time. */
const HASH_CHUNK_BYTES = 1024 * 1024;

/** Consecutive samples that lie next to one another in the file. */
export interface Extent {
  /** Number of its first sample among all that the file has. */
  readonly ordinal: number;
  readonly samples: number;
  readonly byteOffset: number;
}

/** A recording that was checked and is open. */
export interface Recording {
  readonly sampleRateHz: number;
  readonly carriage: Carriage;
  readonly segments: readonly Segment[];
  readonly extents: readonly Extent[];
  /** Samples in the file. */
  readonly samples: number;
  /** Reads whole samples of an extent, as they are in the file; fewer where the file has become shorter. */
  read(extent: Extent, from: number, samples: number): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Opens a recording and checks it: metadata, size, and the SHA-512 where it states one, for which the whole data file is
 * read once.
 *
 * @param signal ends the reading; what is thrown then means nothing.
 * @throws UsageError that names the file and what is wrong with it.
 */
export async function openRecording(file: string, signal: AbortSignal): Promise<Recording> {
  const { metadata, metaName, data } = await openRecordingParts(file);
  try {
    const { carriage, sampleRateHz } = playable(metadata, metaName);
    const { fileBytesPerSample } = carriage;
    const segments = segmentsOf(metadata, fileBytesPerSample, data.bytes, { meta: metaName, data: data.name });
    if (metadata.sha512 !== undefined && (await sha512Of(data, signal)) !== metadata.sha512) {
      throw new UsageError(
        `${data.name}: its SHA-512 is not the one in ${metaName}; the recording is damaged or changed`,
      );
    }
    const extents = extentsOf(segments, fileBytesPerSample);
    const { handle } = data;
    return {
      sampleRateHz,
      carriage,
      segments,
      extents,
      samples: segments.reduce((sum, segment) => sum + segment.samples, 0),
      read: (extent, from, samples) =>
        readBytes(
          handle,
          data.offset + extent.byteOffset + from * fileBytesPerSample,
          Math.min(samples, extent.samples - from) * fileBytesPerSample,
        ),
      close: () => handle.close(),
    };
  } catch (error) {
    await data.handle.close();
    throw error instanceof UsageError ? error : new UsageError(`${data.name}: cannot be read`, { cause: error });
  }
}

function playable(
  metadata: SigmfMetadata,
  metaName: string,
): { readonly carriage: Carriage; readonly sampleRateHz: number } {
  const { datatype, sampleRateHz, channels, metadataOnly, dataset } = metadata;
  const parts = sigmfDatatype(datatype);
  if (!parts.isComplex) {
    throw new UsageError(
      `${metaName}: core:datatype ${datatype} is of real samples; only complex ones can be played: convert it to c${datatype.slice(1)}`,
    );
  }
  if (channels !== 1) {
    throw new UsageError(`${metaName}: core:num_channels is ${channels}; split it into recordings of one channel each`);
  }
  if (metadataOnly && dataset === undefined) {
    throw new UsageError(`${metaName}: core:metadata_only says that there are no samples; get the whole recording`);
  }
  if (sampleRateHz === undefined) throw new UsageError(`${metaName}: global.core:sample_rate is missing`);
  return { carriage: carriageOf(parts), sampleRateHz };
}

async function sha512Of({ handle, offset, bytes }: FilePart, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha512');
  for (let at = 0; at < bytes; at += HASH_CHUNK_BYTES) {
    signal.throwIfAborted();
    hash.update(await readBytes(handle, offset + at, Math.min(HASH_CHUNK_BYTES, bytes - at)));
  }
  return hash.digest('hex');
}

function extentsOf(segments: readonly Segment[], bytesPerSample: number): readonly Extent[] {
  const extents: Extent[] = [];
  let ordinal = 0;
  for (const { byteOffset, samples } of segments) {
    const last = extents.at(-1);
    if (last !== undefined && last.byteOffset + last.samples * bytesPerSample === byteOffset) {
      extents[extents.length - 1] = { ...last, samples: last.samples + samples };
    } else extents.push({ ordinal, samples, byteOffset });
    ordinal += samples;
  }
  return extents;
}

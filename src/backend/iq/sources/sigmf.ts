import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { PassbandError, UsageError } from '../../../errors.ts';
import { MAX_METADATA_BYTES, parseSigmfMetadata, type SigmfMetadata } from '../../../sigmf/metadata.ts';
import { bytesPerSample, DATATYPES, type Datatype, isDatatype } from '../formats.ts';
import type { SampleGenerator } from './paced-source.ts';
import type { Tuning } from './source.ts';

/** Bytes of a recording that is played from memory at most. */
export const MAX_RECORDING_BYTES = 512 * 1024 * 1024;

/** A recording in memory. */
export interface Recording extends Tuning {
  readonly datatype: Datatype;
  readonly data: Uint8Array;
  readonly description: string | undefined;
}

/**
 * Reads X.sigmf-meta and X.sigmf-data, and checks the hash where the metadata has one.
 *
 * @throws UsageError that names the file and what is wrong with it.
 */
export async function loadRecording(metaFile: string): Promise<Recording> {
  if (!metaFile.endsWith('.sigmf-meta'))
    throw new UsageError(`${metaFile}: name the .sigmf-meta file of the recording`);
  const dataFile = metaFile.replace(/meta$/, 'data');
  const metadata = parseSigmfMetadata((await readBounded(metaFile, MAX_METADATA_BYTES)).toString('utf8'), metaFile);
  const { datatype } = metadata;
  if (!isDatatype(datatype)) {
    throw new UsageError(`${metaFile}: core:datatype ${datatype} cannot be played; use one of ${DATATYPES.join(', ')}`);
  }
  if (metadata.sampleRateHz === undefined) throw new UsageError(`${metaFile}: global.core:sample_rate is missing`);
  const data = await readBounded(dataFile, MAX_RECORDING_BYTES);
  if (data.length === 0 || data.length % bytesPerSample(datatype) !== 0) {
    throw new UsageError(`${dataFile}: ${data.length} bytes are no whole number of ${datatype} samples`);
  }
  const sha512 = createHash('sha512').update(data).digest('hex');
  if (metadata.sha512 !== undefined && metadata.sha512 !== sha512) {
    throw new UsageError(`${dataFile}: its SHA-512 is not the one in ${metaFile}; the recording is damaged or changed`);
  }
  return {
    datatype,
    sampleRateHz: metadata.sampleRateHz,
    centerFrequencyHz: onlyFrequency(metadata, metaFile),
    data,
    description: metadata.description,
  };
}

function onlyFrequency(metadata: SigmfMetadata, metaFile: string): number {
  const frequencies = new Set(metadata.captures.map((capture) => capture.frequencyHz));
  const [frequencyHz] = frequencies;
  if (frequencies.size !== 1 || frequencyHz === undefined) {
    throw new UsageError(`${metaFile}: every capture must have the same core:frequency; split the recording`);
  }
  return frequencyHz;
}

async function readBounded(file: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > maxBytes) throw new UsageError(`${file}: ${size} bytes are more than the ${maxBytes} allowed`);
    return await readFile(file);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: cannot be read`, { cause: error });
  }
}

/** Plays a recording over and over, byte for byte; the sample index counts on from round to round. */
export class RecordingGenerator implements SampleGenerator {
  readonly kind = 'sigmf';
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  get datatype(): Datatype {
    return this.#recording.datatype;
  }

  get tuning(): Tuning {
    return this.#recording;
  }

  anchor(): void {}

  fill(sampleIndex: number, target: Uint8Array): void {
    const { data, datatype } = this.#recording;
    const sampleBytes = bytesPerSample(datatype);
    let from = (sampleIndex % (data.length / sampleBytes)) * sampleBytes;
    for (let at = 0; at < target.length; ) {
      const piece = data.subarray(from, from + target.length - at);
      target.set(piece, at);
      at += piece.length;
      from = 0;
    }
  }

  tune(tuning: Tuning): void {
    const { sampleRateHz, centerFrequencyHz } = this.#recording;
    if (tuning.sampleRateHz !== sampleRateHz || tuning.centerFrequencyHz !== centerFrequencyHz) {
      throw new PassbandError(
        'FAILED_PRECONDITION',
        `this station plays a recording made at ${sampleRateHz} samples/s and ${centerFrequencyHz} Hz; it has no others`,
      );
    }
  }
}

import type { Logger } from 'pino';
import { UsageError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import { SAMPLE_RATE } from '../../stations/ranges.ts';
import { bytesPerSample } from '../formats.ts';
import type { SigmfConfig } from './config.ts';
import { MAX_HELD_BYTES } from './read-ahead.ts';
import { openRecording } from './recording.ts';
import { readAllSamples, StreamedSamples } from './recording-samples.ts';
import { RecordingSource } from './recording-source.ts';

/** What the player of a recording is given besides its settings. */
interface SigmfContext {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the opening; nothing does unless told. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens and checks a recording, and makes the source that plays it. A small one is read into memory, of a large one a little
 * more than is due.
 *
 * @param maxHeldBytes up to which it is small.
 * @throws UsageError that names the file and what is wrong with it.
 */
export async function openSigmf(
  config: SigmfConfig,
  { clock, log, signal = new AbortController().signal }: SigmfContext,
  maxHeldBytes = MAX_HELD_BYTES,
): Promise<RecordingSource> {
  const { file, loop = true, speed = 1 } = config;
  const recording = await openRecording(file, signal);
  const { carriage, samples, sampleRateHz } = recording;
  if (sampleRateHz * speed > SAMPLE_RATE.max) {
    await recording.close();
    throw new UsageError(
      `${file}: at a speed of ${speed} its ${sampleRateHz} samples/s are more than ${SAMPLE_RATE.max} ${SAMPLE_RATE.unit}; play it slower`,
    );
  }
  const playing = { clock, log, loop, speed };
  if (samples * bytesPerSample(carriage.datatype) > maxHeldBytes) {
    return new RecordingSource(recording, new StreamedSamples(file, recording), playing);
  }
  try {
    return new RecordingSource(recording, await readAllSamples(recording), playing);
  } catch (error) {
    throw new UsageError(`${file}: its data cannot be read`, { cause: error });
  } finally {
    await recording.close();
  }
}

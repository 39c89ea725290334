import { PassbandError } from '../../../errors.ts';
import type { CheckedBatch } from './batch-checks.ts';
import { MAX_BATCH_SAMPLES } from './compression.ts';

/** Seconds of samples that a jump of the sequence number may stand for; beyond, it counts something else. */
export const MAX_JUMP_SECONDS = 3600;

/** What of a batch its place in the sequence is told by. */
export type PlacedBatch = Pick<CheckedBatch, 'sequence' | 'timestampNs' | 'sampleCount' | 'tuning'>;

/**
 * The batches of one call by their sequence numbers, which may begin anywhere and count up by one.
 *
 * A jump says that the batches between were lost. How many samples they had: when the batches before and behind the jump have
 * the same size, so had they. Otherwise the time between the two counts, where the producer gives times that can be true (from
 * one sample to MAX_BATCH_SAMPLES for each lost batch); else they count like the batch before.
 */
export class BatchSequence {
  #latest: PlacedBatch | undefined;
  #received = 0;
  #lost = 0n;

  /** Batches received. */
  get received(): number {
    return this.#received;
  }

  /** Batches that are missing. */
  get lost(): bigint {
    return this.#lost;
  }

  /**
   * Takes the next batch.
   *
   * @returns the samples that were lost right before it.
   * @throws PassbandError INVALID_ARGUMENT when its number is not above the one before, or too far above; nothing has changed
   * then.
   */
  take(batch: PlacedBatch): number {
    const latest = this.#latest;
    const lost = latest === undefined ? 0n : batch.sequence - latest.sequence - 1n;
    const samples = latest === undefined || lost === 0n ? 0 : samplesBetween(latest, batch, lost);
    this.#latest = batch;
    this.#received++;
    this.#lost += lost;
    return samples;
  }
}

function samplesBetween(before: PlacedBatch, behind: PlacedBatch, lostBatches: bigint): number {
  const refuse = (must: string): never => {
    throw new PassbandError(
      'INVALID_ARGUMENT',
      `sequence_number is ${behind.sequence} after ${before.sequence}: it must ${must}; a producer that begins anew opens a new call`,
    );
  };
  if (lostBatches < 0n) return refuse('count up');
  const lost = Number(lostBatches);
  const byCount = lost * before.sampleCount;
  const byTime = before.sampleCount === behind.sampleCount ? undefined : samplesByTime(before, behind);
  const samples = byTime !== undefined && byTime >= lost && byTime <= lost * MAX_BATCH_SAMPLES ? byTime : byCount;
  if (samples > MAX_JUMP_SECONDS * before.tuning.sampleRateHz) {
    return refuse(`not leave out more than ${MAX_JUMP_SECONDS} s of samples`);
  }
  return samples;
}

/** Samples from the end of one batch to the beginning of another, by the producer's times. */
function samplesByTime(before: PlacedBatch, behind: PlacedBatch): number | undefined {
  if (before.timestampNs === undefined || behind.timestampNs === undefined) return undefined;
  const ns = Number(behind.timestampNs - before.timestampNs);
  return Math.round((ns * before.tuning.sampleRateHz) / 1e9) - before.sampleCount;
}

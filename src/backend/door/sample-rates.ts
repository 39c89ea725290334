import { descriptorsOf } from '../../descriptors.ts';
import { sampleRateReader } from '../../sample-rate.ts';

/** Readers of the highest rate of samples that an answer of a method states, hertz, by gRPC path; of methods that state one. */
export async function answeredSampleRates(): Promise<ReadonlyMap<string, (answer: Buffer) => number>> {
  const { methods } = await descriptorsOf();
  return new Map(
    [...methods.values()].flatMap(({ path, response }) => {
      const reader = sampleRateReader(response);
      return reader === undefined ? [] : [[path, reader] as const];
    }),
  );
}

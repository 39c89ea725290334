import { bytesPerSample, convertSamples, type Datatype } from '../formats.ts';
import type { SampleRing } from './ring.ts';

/**
 * Writes held samples of a ring to `target` in another datatype, or their own.
 *
 * @param origin the ring, and the datatype that it holds.
 * @param start index of the first sample.
 * @returns how many numbers (I or Q) did not fit the datatype and were set to its largest or smallest value.
 */
export function readConverted(
  { ring, datatype: heldAs }: { readonly ring: SampleRing; readonly datatype: Datatype },
  { start, count }: { readonly start: number; readonly count: number },
  datatype: Datatype,
  target: Uint8Array,
): number {
  const [heldBytes, outBytes] = [bytesPerSample(heldAs), bytesPerSample(datatype)];
  let saturated = 0;
  ring.read(start, count, (bytes, offset) => {
    const samples = bytes.length / heldBytes;
    const piece = target.subarray(offset * outBytes, (offset + samples) * outBytes);
    saturated += convertSamples(heldAs, datatype, bytes, piece);
  });
  return saturated;
}

import type { FrameOrigin } from '../frames/frame-origin.ts';
import { clearNotFinite } from '../not-finite.ts';
import { readConverted } from './read-converted.ts';

/**
 * Writes held samples as floats, for what adds samples up: a single number that is none, as a division by zero in a flow graph
 * makes one, would spoil all that it is added to. It and infinities are taken as 0, and counted.
 *
 * @param start index of the first sample.
 * @param target I and Q of each sample.
 */
export function readFinite(
  origin: Pick<FrameOrigin, 'ring' | 'datatype' | 'metrics'>,
  { start, count }: { readonly start: number; readonly count: number },
  target: Float32Array,
): void {
  const values = target.subarray(0, 2 * count);
  readConverted(
    origin,
    { start, count },
    'cf32_le',
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
  // No integer is anything else.
  if (origin.datatype !== 'cf32_le') return;
  const cleared = clearNotFinite(values);
  if (cleared > 0) origin.metrics.notFinite(cleared);
}

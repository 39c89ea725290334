import type { Converted } from '../../dsp/down-converter.ts';
import { bytesPerSample } from '../formats.ts';
import type { StationHub } from '../hub.ts';
import { type Run, SampleRing } from '../ring/ring.ts';
import { ringCapacity } from '../ring/ring-size.ts';
import type { SampleBlock } from '../sources/source.ts';
import type { TunedBand } from './tuned-band.ts';

/** What the samples of parts of bands are held as. */
export const TUNED_DATATYPE = 'cf32_le';

/** Bytes of the ring of one part of a band at most: there may be many. */
const MAX_TUNED_RING_BYTES = 16 * 1024 * 1024;

/** A ring for a part of a station's band that reaches as far back as the station's, where so many bytes are enough. */
export function tunedRing(hub: StationHub, sampleRateHz: number): SampleRing {
  const size = { seconds: hub.lingerMs / 1000, bytes: MAX_TUNED_RING_BYTES };
  return new SampleRing(ringCapacity(sampleRateHz, TUNED_DATATYPE, size), bytesPerSample(TUNED_DATATYPE), hub.clock);
}

/** Samples of a part of a band as a block of its ring; they share memory with those that were converted. */
export function tunedBlock(
  run: Run,
  { firstIndex, samples }: Converted,
  { offsetHz, decimation }: TunedBand,
): SampleBlock {
  return {
    sampleIndex: firstIndex,
    timestampNs: run.timestampNs(firstIndex * decimation),
    sampleRateHz: run.sampleRateHz / decimation,
    centerFrequencyHz: run.centerFrequencyHz + offsetHz,
    bytes: new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
  };
}

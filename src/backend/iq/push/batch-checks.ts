import { PassbandError } from '../../../errors.ts';
import { checkBand, checkNumber, checkOptionalNumber, type NumberRange } from '../../field-checks.ts';
import { DOPPLER_SHIFT, FREQUENCY, SAMPLE_RATE } from '../../stations/ranges.ts';
import type { AlignedPlace } from '../aligned-place.ts';
import { bytesPerSample } from '../formats.ts';
import { firstNotFinite } from '../not-finite.ts';
import type { Reception, Tuning } from '../sources/source.ts';
import { type Compression, decompress, MAX_BATCH_BYTES, MAX_BATCH_SAMPLES } from './compression.ts';
import type { SampleBatch } from './sample-batch.ts';

const SAMPLE_BYTES = bytesPerSample('cf32_le');

const SNR: NumberRange = { min: -200, max: 200, unit: 'dB' };
const POWER: NumberRange = { min: -300, max: 100, unit: 'dBm' };
/** A low orbit at Ka-band makes less than 1 MHz. */

/** What 0 means in the numbers of a batch. */
const STATION_HAS = 'means what the station has';
const NOT_KNOWN = 'means not known';

/** 2000-01-01 and 2100-01-01: outside of it the unit is not nanoseconds, or the clock was never set. */
const EARLIEST_NS = 946_684_800_000_000_000n;
const LATEST_NS = 4_102_444_800_000_000_000n;

/** A batch of which everything is in order. */
export interface CheckedBatch {
  readonly sequence: bigint;
  /** Time of the first sample, nanoseconds since 1970; undefined where the producer leaves that to us. */
  readonly timestampNs: bigint | undefined;
  readonly band: string | undefined;
  readonly tuning: Tuning;
  /** Interleaved float32, whole samples, at least one; at a multiple of 4, and good until the next batch is checked. */
  readonly samples: Uint8Array;
  readonly sampleCount: number;
  readonly reception: Reception;
}

const refuse = (message: string): never => {
  throw new PassbandError('INVALID_ARGUMENT', message);
};

/**
 * Checks a batch and unpacks its samples.
 *
 * @param present what holds where the batch leaves its rate or frequency at 0.
 * @param place for cf32_le, where samples are laid that begin elsewhere.
 * @throws PassbandError INVALID_ARGUMENT naming field, range and unit.
 */
export function checkBatch(
  batch: SampleBatch,
  present: Tuning,
  expected: Compression | undefined,
  place: AlignedPlace,
): CheckedBatch {
  if (batch.unreadable !== undefined) throw batch.unreadable;
  const tuning = {
    sampleRateHz:
      checkOptionalNumber('sample_rate', batch.sample_rate, SAMPLE_RATE, STATION_HAS) ?? present.sampleRateHz,
    centerFrequencyHz:
      checkOptionalNumber('center_frequency_hz', batch.center_frequency_hz, FREQUENCY, STATION_HAS) ??
      present.centerFrequencyHz,
  };
  const samples = place.lay(samplesOf(batch, expected));
  requireFinite(samples, batch.sequence_number);
  return {
    sequence: BigInt(batch.sequence_number),
    timestampNs: timestampOf(batch),
    band: checkBand(batch.band),
    tuning,
    samples,
    sampleCount: samples.length / SAMPLE_BYTES,
    reception: receptionOf(batch),
  };
}

function timestampOf({ timestamp_ns }: SampleBatch): bigint | undefined {
  const ns = BigInt(timestamp_ns);
  if (ns === 0n) return undefined;
  if (ns >= EARLIEST_NS && ns < LATEST_NS) return ns;
  return refuse(
    `timestamp_ns must be from ${EARLIEST_NS} to ${LATEST_NS} nanoseconds since 1970 (the years 2000 to 2099), or 0, which means the server's time`,
  );
}

/** Zero is what an absent field has: of these it means not known. */
function receptionOf(batch: SampleBatch): Reception {
  const snrDb = checkOptionalNumber('snr_db', batch.snr_db, SNR, NOT_KNOWN);
  const receivePowerDbm = checkOptionalNumber('receive_power_dbm', batch.receive_power_dbm, POWER, NOT_KNOWN);
  return {
    agcLocked: batch.agc_locked,
    dopplerShiftHz: checkNumber('doppler_shift_hz', batch.doppler_shift_hz, DOPPLER_SHIFT),
    ...(snrDb === undefined ? {} : { snrDb }),
    ...(receivePowerDbm === undefined ? {} : { receivePowerDbm }),
  };
}

function samplesOf({ samples, compressed_samples }: SampleBatch, expected: Compression | undefined): Uint8Array {
  if (samples.length > 0 && compressed_samples.length > 0) {
    return refuse('samples must be empty where compressed_samples is not; send one of them');
  }
  const [field, bytes] =
    compressed_samples.length > 0
      ? (['compressed_samples', decompress(compressed_samples, expected)] as const)
      : (['samples', samples] as const);
  if (bytes.length > MAX_BATCH_BYTES) {
    return refuse(
      `${field} must hold 1 to ${MAX_BATCH_SAMPLES} samples; it holds ${bytes.length / SAMPLE_BYTES}: send smaller batches`,
    );
  }
  if (bytes.length === 0) return refuse(`${field} must hold 1 to ${MAX_BATCH_SAMPLES} samples; it holds none`);
  if (bytes.length % SAMPLE_BYTES === 0) return bytes;
  return field === 'samples'
    ? refuse(`samples must hold pairs of I and Q; ${bytes.length / 4} numbers are odd`)
    : refuse(`compressed_samples must hold whole samples of ${SAMPLE_BYTES} bytes; ${bytes.length} bytes are not`);
}

function requireFinite(samples: Uint8Array, sequence: string): void {
  const at = firstNotFinite(new Float32Array(samples.buffer, samples.byteOffset, samples.length / 4));
  if (at === undefined) return;
  const part = at % 2 === 0 ? 'I' : 'Q';
  refuse(
    `samples must be finite numbers, full scale 1.0; ${part} of sample ${Math.floor(at / 2)} of batch ${sequence} is none`,
  );
}

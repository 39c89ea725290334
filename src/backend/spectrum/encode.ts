import { appendBytesFields, appendVarintField, type BytesField } from '../protobuf-bytes.ts';
import { messageType } from '../protos.ts';
import type { Station } from '../stations/station.ts';
import type { Measurement } from './measurement.ts';
import { noiseFloor } from './noise-floor.ts';
import { interpolatePeak, type Peak, strongestPeaks } from './peaks.ts';
import { cropFor, type SpectrumPlan } from './plan.ts';
import type { WindowName } from './windows.ts';
import { flatBins } from './zoom.ts';

/** Power below which a bin is written as this, dB: silence has no logarithm. */
const FLOOR_DB = -300;

/** Field numbers of SpectrumData. */
const MAGNITUDE_FIELD = 6;
const FREQUENCIES_FIELD = 7;
const MAGNITUDE_U8_FIELD = 29;
const SEQUENCE_NUMBER_FIELD = 32;

const WINDOW_NAMES: Readonly<Record<WindowName, string>> = {
  hann: 'SPECTRUM_WINDOW_HANN',
  hamming: 'SPECTRUM_WINDOW_HAMMING',
  blackmanharris: 'SPECTRUM_WINDOW_BLACKMAN_HARRIS',
  flattop: 'SPECTRUM_WINDOW_FLATTOP',
  rectangular: 'SPECTRUM_WINDOW_RECTANGULAR',
};

const SPECTRUM_DATA = messageType('sdr.oran.SpectrumData');

/**
 * A measurement as an encoded SpectrumData without its sequence number, the part that the plan asks for.
 *
 * @throws PassbandError INVALID_ARGUMENT when the station was tuned away from that part.
 */
export function encodeSpectrum(station: Station, plan: SpectrumPlan, measurement: Measurement): Buffer {
  const { sampleRateHz, centerFrequencyHz } = measurement;
  const { firstBin, bins } = cropFor(plan, measurement);
  const stepHz = sampleRateHz / plan.fftSize;
  const startHz = centerFrequencyHz - sampleRateHz / 2 + firstBin * stepHz;
  const calibrationDb = station.fullScaleDbm ?? 0;
  const { powers } = measurement;
  const toDb = (power: number): number => Math.max(FLOOR_DB, 10 * Math.log10(power)) + calibrationDb;
  const powersDb = powers.subarray(firstBin, firstBin + bins).map(toDb);
  const peak = powersDb.reduce((best, power, i) => (power > (powersDb[best] ?? 0) ? i : best), 0);
  const between = interpolatePeak(powers, firstBin + peak, plan.window);
  const hertzOf = ({ bin }: Peak): number => centerFrequencyHz - sampleRateHz / 2 + bin * stepHz;
  const bytes = plan.encoding === 'uint8' ? quantise(powersDb) : undefined;

  const head = SPECTRUM_DATA.serialize({
    station_id: station.id,
    timestamp_ns: measurement.timestampNs.toString(),
    center_frequency_hz: startHz + (bins / 2) * stepHz,
    span_hz: bins * stepHz,
    fft_size: plan.fftSize,
    peak_frequency_hz: startHz + peak * stepHz,
    peak_power_dbm: powersDb[peak] ?? 0,
    window: WINDOW_NAMES[plan.window],
    enbw_hz: measurement.enbwBins * stepHz,
    enbw_bins: measurement.enbwBins,
    averages: plan.averages,
    sample_index: measurement.sampleIndex * plan.decimation,
    start_hz: startHz,
    step_hz: stepHz,
    unit: `${station.fullScaleDbm === undefined ? 'dBFS' : 'dBm'}${plan.scaling === 'density' ? '/Hz' : ''}`,
    full_scale_dbm: calibrationDb,
    calibrated: station.fullScaleDbm !== undefined,
    u8_offset_db: bytes?.offsetDb ?? 0,
    u8_step_db: bytes?.stepDb ?? 0,
    sample_rate: sampleRateHz,
    scaling: plan.scaling === 'density' ? 'SPECTRUM_SCALING_DENSITY' : 'SPECTRUM_SCALING_TONE',
    detector: plan.detector === 'mean' ? 'SPECTRUM_DETECTOR_MEAN' : 'SPECTRUM_DETECTOR_MAX_HOLD',
    peaks: strongestPeaks(powers, { firstBin, bins }, plan.window, plan.peaks).map((found) => ({
      frequency_hz: hertzOf(found),
      power_dbm: toDb(found.power),
    })),
    noise_floor_dbm: toDb(noiseFloor(flatBins(powers, plan.decimation), plan)),
    peak_interpolated_frequency_hz: hertzOf(between),
    peak_interpolated_power_dbm: toDb(between.power),
  });
  const fields: BytesField[] = [];
  if (bytes !== undefined) fields.push(field(MAGNITUDE_U8_FIELD, bytes.values));
  else fields.push(field(MAGNITUDE_FIELD, Float32Array.from(powersDb)));
  if (!plan.omitFrequencies) {
    fields.push(
      field(
        FREQUENCIES_FIELD,
        Float64Array.from({ length: bins }, (_, i) => startHz + i * stepHz),
      ),
    );
  }
  return appendBytesFields(head, fields);
}

/** The message of one call: the shared bytes with the call's own count. */
export function withSequence(message: Buffer, sequence: number): Buffer {
  return sequence === 0 ? message : appendVarintField(message, SEQUENCE_NUMBER_FIELD, sequence);
}

/** A field of bytes, or of packed floats or doubles: the same wire type, little-endian. */
function field(fieldNumber: number, values: Float32Array | Float64Array | Uint8Array): BytesField {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { fieldNumber, byteLength: bytes.length, fill: (target) => target.set(bytes) };
}

function quantise(powersDb: Float64Array): {
  readonly values: Uint8Array;
  readonly offsetDb: number;
  readonly stepDb: number;
} {
  const lowest = powersDb.reduce((least, power) => Math.min(least, power), Number.POSITIVE_INFINITY);
  const highest = powersDb.reduce((most, power) => Math.max(most, power), Number.NEGATIVE_INFINITY);
  // All of them equal; every step will do, and 0 would divide.
  const stepDb = highest > lowest ? (highest - lowest) / 255 : 1;
  const values = Uint8Array.from(powersDb, (power) => Math.round((power - lowest) / stepDb));
  return { values, offsetDb: lowest, stepDb };
}

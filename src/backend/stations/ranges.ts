import type { NumberRange } from '../field-checks.ts';

/** What radios and recordings span; beyond lies a unit mistake. */
export const SAMPLE_RATE: NumberRange = { min: 1_000, max: 61_440_000, unit: 'samples/s' };
export const FREQUENCY: NumberRange = { min: 1, max: 300e9, unit: 'Hz' };
/** Far beyond any orbit: 300 km/s at 10 GHz. */
export const DOPPLER_SHIFT: NumberRange = { min: -10e6, max: 10e6, unit: 'Hz' };
/** Samples in a frame. The longest is 2 MiB of cf32: below the 4 MiB that gRPC peers receive by default. */
export const BATCH_SIZE: NumberRange = { min: 1, max: 262_144, unit: 'samples' };
/** Power of a full-scale tone at the antenna. */
export const FULL_SCALE: NumberRange = { min: -200, max: 100, unit: 'dBm' };
/** What R820T and its kind reach, with room for preamplifiers. */
export const GAIN: NumberRange = { min: -20, max: 100, unit: 'dB' };
/** A worse oscillator is broken. */
export const PPM: NumberRange = { min: -1000, max: 1000, unit: 'ppm' };
export const PORT: NumberRange = { min: 1, max: 65_535, unit: '(TCP port)' };
/** Samples to keep: less is no ring, more than an hour is a recording. */
export const RING_SECONDS: NumberRange = { min: 0.1, max: 3600, unit: 's' };
export const RING_BYTES: NumberRange = { min: 65_536, max: 4_294_967_296, unit: 'bytes' };
export const LATITUDE: NumberRange = { min: -90, max: 90, unit: 'degrees' };
export const LONGITUDE: NumberRange = { min: -180, max: 180, unit: 'degrees' };
/** Leap seconds keep UT1 - UTC within this (ITU-R TF.460). */
export const UT1_UTC: NumberRange = { min: -0.9, max: 0.9, unit: 's' };
/** From the Dead Sea to a stratospheric balloon. */
export const ALTITUDE: NumberRange = { min: -500, max: 50_000, unit: 'm' };

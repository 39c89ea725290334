import { PassbandError } from '../../../errors.ts';
import type { NumberRange } from '../../field-checks.ts';
import { encodeCommand, MAX_ARGUMENT, type RtlTcpHeader } from '../../rtl-tcp-protocol.ts';
import { SAMPLE_RATE } from '../../stations/ranges.ts';
import { gainCountOf, nearestGainTenths } from './rtl-tcp-gains.ts';
import type { FrontEnd, Tuning } from './source.ts';

/**
 * The commands that bring a server to these settings, all of them each time: what its last client wanted is not known,
 * and a server may ignore any of them without a word.
 */
export function settingsCommands(settings: Tuning & Required<FrontEnd>, header: RtlTcpHeader): Buffer {
  const { sampleRateHz, centerFrequencyHz, gainDb, frequencyCorrectionPpm } = settings;
  return Buffer.concat([
    encodeCommand('sampleRate', sampleRateHz),
    encodeCommand('frequencyCorrection', frequencyCorrectionPpm),
    encodeCommand('frequency', centerFrequencyHz),
    // The demodulator's own control would scale the samples by an unknown factor.
    encodeCommand('agc', 0),
    encodeCommand('gainMode', gainDb === 'automatic' ? 0 : 1),
    ...(gainDb === 'automatic' ? [] : [encodeCommand('gain', nearestGainTenths(gainDb, header))]),
  ]);
}

/**
 * Whether a server's receiver takes a rate: those of an RTL2832U are known (librtlsdr.c, rtlsdr_set_sample_rate), others
 * are not. Even so it is a guess: servers of other receivers call themselves one of the known tuners.
 */
export function isTaken(rateHz: number, { tunerType }: RtlTcpHeader): boolean {
  const isRtlRate = (rateHz > 225_000 && rateHz <= 300_000) || (rateHz > 900_000 && rateHz <= 3_200_000);
  return isRtlRate || gainCountOf(tunerType) === 0;
}

/** What a command can say of a frequency: 32 bits of whole hertz. */
const FREQUENCY: NumberRange = { min: 1, max: MAX_ARGUMENT, unit: 'Hz' };

/** Why a tuning cannot be said by rtl_tcp, whose commands hold whole numbers; undefined where it can. */
export function inexpressible({ sampleRateHz, centerFrequencyHz }: Tuning): InexpressibleField | undefined {
  return (
    notWhole('sample_rate', sampleRateHz, SAMPLE_RATE) ?? notWhole('center_frequency_hz', centerFrequencyHz, FREQUENCY)
  );
}

/** A field of a tuning, and what it must be. */
export interface InexpressibleField {
  readonly field: 'sample_rate' | 'center_frequency_hz';
  readonly remedy: string;
}

function notWhole(
  field: InexpressibleField['field'],
  value: number,
  { min, max, unit }: NumberRange,
): InexpressibleField | undefined {
  if (Number.isInteger(value) && value >= min && value <= max) return undefined;
  return { field, remedy: `must be a whole number from ${min} to ${max} ${unit} over rtl_tcp` };
}

/** The tuning. @throws PassbandError FAILED_PRECONDITION for one that rtl_tcp cannot express. */
export function expressible(tuning: Tuning): Tuning {
  const fault = inexpressible(tuning);
  if (fault === undefined) return tuning;
  throw new PassbandError('FAILED_PRECONDITION', `${fault.field} ${fault.remedy}`);
}

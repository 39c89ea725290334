import { PassbandError } from '../../../errors.ts';
import { encodeCommand, MAX_ARGUMENT, type RtlTcpHeader } from '../../rtl-tcp-protocol.ts';
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

/** A tuning in whole hertz. @throws PassbandError FAILED_PRECONDITION for one that rtl_tcp cannot express. */
export function expressible({ sampleRateHz, centerFrequencyHz }: Tuning): Tuning {
  const tuning = { sampleRateHz: Math.round(sampleRateHz), centerFrequencyHz: Math.round(centerFrequencyHz) };
  require32Bits('sample_rate', tuning.sampleRateHz, 'samples/s');
  require32Bits('center_frequency_hz', tuning.centerFrequencyHz, 'Hz');
  return tuning;
}

function require32Bits(field: string, value: number, unit: string): void {
  if (value >= 1 && value <= MAX_ARGUMENT) return;
  throw new PassbandError('FAILED_PRECONDITION', `${field} must be from 1 to ${MAX_ARGUMENT} ${unit} over rtl_tcp`);
}

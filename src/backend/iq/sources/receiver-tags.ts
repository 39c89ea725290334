import type { NumberRange } from '../../field-checks.ts';
import { FREQUENCY, SAMPLE_RATE } from '../../stations/ranges.ts';
import type { TaggedMessage } from './gnuradio-message.ts';
import { malformed, type Pmt } from './pmt.ts';

/** Seconds of a time that is believed at most; the year 2242, and far below where a double loses nanoseconds. */
const LATEST_TIME_S = 2n ** 33n;

/** Samples of one message that may have notes: each begins a block of its own. */
const MAX_NOTES = 64;

/** A time as a receiver gives it: whole seconds of its own clock, and the rest. */
export interface ReceiverTime {
  readonly wholeS: number;
  readonly fractionS: number;
}

/** What a receiver said of its samples from one of them on. */
export interface ReceiverNote {
  /** Position in the message. */
  readonly at: number;
  readonly sampleRateHz?: number;
  readonly centerFrequencyHz?: number;
  /** Time of that sample. */
  readonly time?: ReceiverTime;
}

/**
 * The tags that gr-uhd and its kind make (rx_rate, rx_freq, rx_time), in the order of their samples; those of one sample
 * are one note. Others, and values that no receiver has, are left out.
 *
 * @throws PassbandError INVALID_ARGUMENT where there are more than any receiver makes.
 */
export function receiverNotes({ offset, tags }: TaggedMessage, samples: number): readonly ReceiverNote[] {
  const notes = new Map<number, ReceiverNote>();
  for (const tag of tags) {
    const at = Number(tag.offset - offset);
    const note = at >= 0 && at < samples ? noteOf(tag.key, tag.value) : undefined;
    if (note !== undefined) notes.set(at, { ...(notes.get(at) ?? {}), ...note, at });
  }
  if (notes.size > MAX_NOTES) throw malformed(`has tags of a receiver on more than ${MAX_NOTES} of its samples`);
  return [...notes.values()].sort((a, b) => a.at - b.at);
}

function noteOf(key: Pmt, value: Pmt): Omit<ReceiverNote, 'at'> | undefined {
  if (key === 'rx_rate' && isWithin(value, SAMPLE_RATE)) return { sampleRateHz: value };
  if (key === 'rx_freq' && isWithin(value, FREQUENCY)) return { centerFrequencyHz: value };
  const time = key === 'rx_time' ? timeOf(value) : undefined;
  return time === undefined ? undefined : { time };
}

/** NaN is within nothing. */
function isWithin(value: Pmt, { min, max }: NumberRange): value is number {
  return typeof value === 'number' && value >= min && value <= max;
}

/** (whole seconds, fraction), as gr-uhd writes it. */
function timeOf(value: Pmt): ReceiverTime | undefined {
  if (value === null || typeof value !== 'object' || !('items' in value)) return undefined;
  const [whole, fractionS] = value.items;
  if (value.items.length !== 2 || typeof whole !== 'bigint' || whole < 0n || whole > LATEST_TIME_S) return undefined;
  if (typeof fractionS !== 'number' || !(fractionS >= 0 && fractionS < 1)) return undefined;
  return { wholeS: Number(whole), fractionS };
}

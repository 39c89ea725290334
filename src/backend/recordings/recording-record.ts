import { isRecord } from '../../is-record.ts';
import { wholeDivision } from '../../sigmf/whole-division.ts';
import type { Datatype } from '../iq/formats.ts';
import { isDatatype } from '../iq/formats.ts';

/** Where a recording stands. */
export type RecordingState = 'recording' | 'finished' | 'broken-off';

/** What is known of a recording besides its samples; kept beside them as ID.json. */
export interface RecordingRecord {
  readonly recordingId: string;
  readonly stationId: string;
  readonly state: RecordingState;
  readonly datatype: Datatype;
  /** At its start. */
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  readonly samples: number;
  readonly bytes: number;
  readonly lostSamples: number;
  readonly captures: number;
  /** Nanoseconds since 1970, decimal; with a minus before that. */
  readonly startNs: string;
  /** The same; empty while it is under way. */
  readonly endNs: string;
  /** Of the data, hex; empty until it is known. */
  readonly sha512: string;
  /** Why it ended early; empty when it did not. */
  readonly reason: string;
  readonly description: string;
  /** Common name of the caller who began it. */
  readonly startedBy: string;
}

const STATES: readonly string[] = ['recording', 'finished', 'broken-off'];
const TEXTS = ['recordingId', 'stationId', 'startNs', 'endNs', 'sha512', 'reason', 'description', 'startedBy'] as const;
const NUMBERS = ['sampleRateHz', 'centerFrequencyHz', 'samples', 'bytes', 'lostSamples', 'captures'] as const;

/** A record as it was written; undefined for what is none. */
export function readRecord(text: string): RecordingRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isRecordingRecord(value) ? value : undefined;
}

function isRecordingRecord(value: unknown): value is RecordingRecord {
  if (!isRecord(value)) return false;
  const { state, datatype, startNs, endNs } = value;
  return (
    TEXTS.every((name) => typeof value[name] === 'string') &&
    NUMBERS.every((name) => typeof value[name] === 'number' && Number.isFinite(value[name])) &&
    typeof state === 'string' &&
    STATES.includes(state) &&
    typeof datatype === 'string' &&
    isDatatype(datatype) &&
    /^-?\d{1,20}$/.test(String(startNs)) &&
    /^(-?\d{1,20})?$/.test(String(endNs))
  );
}

const STATE_NAMES: Readonly<Record<RecordingState, string>> = {
  recording: 'RECORDING_STATE_RECORDING',
  finished: 'RECORDING_STATE_FINISHED',
  'broken-off': 'RECORDING_STATE_BROKEN_OFF',
};

const timestamp = (ns: string): object => {
  const { quotient, rest } = wholeDivision(BigInt(ns), 1_000_000_000n);
  return { seconds: quotient.toString(), nanos: Number(rest) };
};

/** A record as sdr.oran.recording.v1.Recording. */
export function recordingMessage(record: RecordingRecord): object {
  return {
    recording_id: record.recordingId,
    station_id: record.stationId,
    state: STATE_NAMES[record.state],
    datatype: record.datatype,
    sample_rate: record.sampleRateHz,
    center_frequency_hz: record.centerFrequencyHz,
    samples: record.samples,
    bytes: record.bytes,
    lost_samples: record.lostSamples,
    captures: record.captures,
    start_time: timestamp(record.startNs),
    ...(record.endNs === '' ? {} : { end_time: timestamp(record.endNs) }),
    sha512: record.sha512,
    reason: record.reason,
    description: record.description,
    started_by: record.startedBy,
  };
}

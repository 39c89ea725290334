import type { MessageTypeDefinition } from '@grpc/proto-loader';
import type { Datatype } from '../../../src/backend/iq/formats.ts';
import { bytesPerSample } from '../../../src/backend/iq/formats.ts';
import type { ReadyFrame } from '../../../src/backend/iq/frames/frame-reader.ts';
import type { Source, SourceKind, SourceSink, Tuning } from '../../../src/backend/iq/sources/source.ts';
import { messageType } from '../../../src/backend/protos.ts';
import type { StationMetrics } from '../../../src/backend/stations/station-metrics.ts';
import { PassbandError } from '../../../src/errors.ts';

/** Nanoseconds since 1970 at which sample 0 of a source made by hand was made. */
export const ORIGIN_NS = 1_767_225_600_000_000_000n;

/** A source whose blocks, gaps and faults a test makes one by one. */
export class HandSource implements Source {
  readonly kind: SourceKind;
  readonly datatype: Datatype;
  tuning: Tuning = { sampleRateHz: 1_000_000, centerFrequencyHz: 100e6 };
  fault: PassbandError | undefined;
  starts = 0;
  stops = 0;
  /** What the next starts throw. */
  broken: Error | undefined;
  /** By how much its clock is ahead, nanoseconds. */
  aheadNs = 0n;
  #next = 0;
  #sink: SourceSink | undefined;

  constructor(datatype: Datatype = 'cu8', kind: SourceKind = 'sim') {
    this.datatype = datatype;
    this.kind = kind;
  }

  get connects(): boolean {
    return !['sim', 'sigmf'].includes(this.kind);
  }

  get running(): boolean {
    return this.#sink !== undefined;
  }

  nextIndex(): number {
    return this.#next;
  }

  start(sink: SourceSink): void {
    this.starts++;
    this.#sink = sink;
    if (this.broken !== undefined) throw this.broken;
  }

  stop(): void {
    this.stops++;
    this.#sink = undefined;
  }

  tune(tuning: Tuning): void {
    this.tuning = tuning;
  }

  close(): void {}

  /** Loses samples. */
  skip(samples: number): void {
    this.#next += samples;
  }

  /** Delivers samples, whose bytes follow from their index unless they are given. */
  make(samples: number, bytes = bytesOf(this.#next, samples, this.datatype)): void {
    const sampleIndex = this.#next;
    this.#next += samples;
    this.fault = undefined;
    const timestampNs = ORIGIN_NS + BigInt(Math.round((sampleIndex / this.tuning.sampleRateHz) * 1e9)) + this.aheadNs;
    this.#sink?.samples({ ...this.tuning, sampleIndex, timestampNs, bytes });
  }

  fail(): void {
    this.fault = new PassbandError('UNAVAILABLE', 'the receiver was unplugged');
    this.#sink?.failed(this.fault);
  }
}

/** Bytes that tell where they belong. */
export function bytesOf(sampleIndex: number, samples: number, datatype: Datatype): Uint8Array {
  const size = bytesPerSample(datatype);
  return Uint8Array.from({ length: samples * size }, (_, i) => (sampleIndex * size + i) % 251);
}

/** Sums of what a station's metrics were told. */
export class Sums implements StationMetrics {
  readonly lostBy = { slow_reader: 0, source_gap: 0 };
  samplesProduced = 0;
  faults = 0;
  valuesSaturated = 0;
  valuesNotFinite = 0;
  produced(samples: number): void {
    this.samplesProduced += samples;
  }
  lost(cause: 'slow_reader' | 'source_gap', samples: number): void {
    this.lostBy[cause] += samples;
  }
  frameSent(): void {}
  sent(): void {}
  fault(): void {
    this.faults++;
  }
  rotorFault(): void {}
  suspected(): void {}
  notFinite(values: number): void {
    this.valuesNotFinite += values;
  }
  saturated(values: number): void {
    this.valuesSaturated += values;
  }
}

/** What tests look at in an IQFrame. */
export interface SeenFrame {
  readonly sequence: number;
  readonly start: number;
  readonly end: number;
  readonly lost: number;
  readonly saturated: number;
  readonly sampleRateHz: number;
  readonly timestampNs: bigint;
  readonly data: Buffer;
}

interface FrameFields {
  readonly sequence_number: string;
  readonly sample_index: string;
  readonly sample_count: number;
  readonly lost_samples: string;
  readonly saturated_values: number;
  readonly sample_rate: number;
  readonly timestamp_ns: string;
  readonly data: Buffer;
}

const IQ_FRAME = messageType('sdr.oran.IQFrame') as MessageTypeDefinition<object, FrameFields>;

/** A frame as its reader sees it. */
export function seen({ message }: ReadyFrame): SeenFrame {
  const frame = IQ_FRAME.deserialize(message);
  const start = Number(frame.sample_index);
  return {
    sequence: Number(frame.sequence_number),
    start,
    end: start + frame.sample_count,
    lost: Number(frame.lost_samples),
    saturated: frame.saturated_values,
    sampleRateHz: frame.sample_rate,
    timestampNs: BigInt(frame.timestamp_ns),
    data: frame.data,
  };
}

/** All frames that are there for a reader now. */
export function allOf(reader: { next(): ReadyFrame | undefined }): SeenFrame[] {
  const frames: SeenFrame[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(seen(frame));
  return frames;
}

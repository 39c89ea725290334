import { createHash, type Hash } from 'node:crypto';
import { wholeDivision } from './whole-division.ts';

/** The version of SigMF that is written. */
const SIGMF_VERSION = '1.2.5';

/**
 * Captures of one recording at most. Each is a gap or a retune, of 150 bytes of metadata: this many stay below what
 * readers of metadata take (16 MiB).
 */
export const MAX_CAPTURES = 65_536;

/** What ends the text of metadata that has captures; one more goes before it, behind a comma. */
export const METADATA_TAIL = '\n  ],\n  "annotations": []\n}\n';

/** What is said of a recording as a whole, SigMF 1.2.5 "Global Object". */
export interface RecordingFacts {
  /** Such as `cu8`. */
  readonly datatype: string;
  readonly bytesPerSample: number;
  /** Samples per second. */
  readonly sampleRateHz: number;
  /** In a sentence; empty for none. */
  readonly description: string;
  /** Program that made it, with its version. */
  readonly recorder: string;
}

/** Where samples come from. */
export interface CapturedFrom {
  /** Number of the first sample in the station's own count; undefined where that is not known. */
  readonly globalIndex: number | undefined;
  readonly centerFrequencyHz: number;
  /** Time of the first sample, nanoseconds since 1970-01-01T00:00:00Z. */
  readonly timestampNs: bigint;
}

interface Capture extends CapturedFrom {
  readonly sampleStart: number;
}

/**
 * The metadata of a recording while it is made: counts and hashes what is written, and notes a capture for each gap and
 * retune. Nothing carries over from one capture to the next, so each says its frequency, time and index.
 */
export class RecordingNotes {
  readonly facts: RecordingFacts;
  readonly #hash: Hash = createHash('sha512');
  readonly #captures: Capture[] = [];
  #samples = 0;
  #lostSamples = 0;

  constructor(facts: RecordingFacts) {
    this.facts = facts;
  }

  /** Samples written. */
  get samples(): number {
    return this.#samples;
  }

  /** Bytes written. */
  get bytes(): number {
    return this.#samples * this.facts.bytesPerSample;
  }

  /** Samples missing between the first and the last. */
  get lostSamples(): number {
    return this.#lostSamples;
  }

  /** Captures so far. */
  get captures(): number {
    return this.#captures.length;
  }

  /** Time of the first sample, nanoseconds since 1970; undefined before it. */
  get startNs(): bigint | undefined {
    return this.#captures[0]?.timestampNs;
  }

  /** Index that the next sample has if nothing is lost before it; undefined where that is not known. */
  get nextGlobalIndex(): number | undefined {
    const last = this.#captures.at(-1);
    return last?.globalIndex === undefined ? undefined : last.globalIndex + this.#samples - last.sampleStart;
  }

  /** Says where the samples come from that are appended next; true when that begins a new capture. */
  from(origin: CapturedFrom): boolean {
    const last = this.#captures.at(-1);
    const expected = this.nextGlobalIndex;
    const goesOn = last !== undefined && expected === origin.globalIndex;
    if (goesOn && last.centerFrequencyHz === origin.centerFrequencyHz) return false;
    if (expected !== undefined && origin.globalIndex !== undefined && origin.globalIndex > expected) {
      this.#lostSamples += origin.globalIndex - expected;
    }
    this.#dropEmptyCapture();
    this.#captures.push({ ...origin, sampleStart: this.#samples });
    return true;
  }

  /** Counts and hashes bytes that were written: whole samples. */
  append(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#samples += bytes.length / this.facts.bytesPerSample;
  }

  /** SHA-512 of all that was written, lower-case hex. */
  sha512(): string {
    return this.#hash.copy().digest('hex');
  }

  /** The text of the newest capture as it stands in that of the file; empty before the first. */
  lastCaptureText(): string {
    const last = this.#captures.at(-1);
    if (last === undefined) return '';
    return `\n${JSON.stringify(captureObject(last), undefined, 2)}`.replaceAll('\n', '\n    ');
  }

  /**
   * The text of the .sigmf-meta file as it stands.
   *
   * @param sha512 hash of the data, when no more will come.
   */
  text(sha512?: string): string {
    if (sha512 !== undefined) this.#dropEmptyCapture();
    const { datatype, sampleRateHz, description, recorder } = this.facts;
    const captures = this.#captures.map(captureObject);
    const global = {
      'core:datatype': datatype,
      'core:version': SIGMF_VERSION,
      'core:sample_rate': sampleRateHz,
      'core:num_channels': 1,
      ...(description === '' ? {} : { 'core:description': description }),
      'core:recorder': recorder,
      ...(sha512 === undefined ? {} : { 'core:sha512': sha512 }),
    };
    return `${JSON.stringify({ global, captures, annotations: [] }, undefined, 2)}\n`;
  }

  /** A capture that nothing was written to is none. */
  #dropEmptyCapture(): void {
    if (this.#captures.at(-1)?.sampleStart === this.#samples) this.#captures.pop();
  }
}

function captureObject(capture: Capture): object {
  return {
    'core:sample_start': capture.sampleStart,
    ...(capture.globalIndex === undefined ? {} : { 'core:global_index': capture.globalIndex }),
    'core:frequency': capture.centerFrequencyHz,
    'core:datetime': datetimeText(capture.timestampNs),
  };
}

/** RFC 3339 in UTC with `Z`, to the nanosecond, as SigMF wants it. */
export function datetimeText(timestampNs: bigint): string {
  const { quotient, rest } = wholeDivision(timestampNs, 1_000_000n);
  return new Date(Number(quotient)).toISOString().replace('Z', `${rest.toString().padStart(6, '0')}Z`);
}

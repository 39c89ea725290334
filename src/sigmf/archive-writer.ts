import type { RecordingNotes } from './recording-notes.ts';
import { tarEnd, tarHeader, tarPadding } from './tar-header.ts';
import { wholeDivision } from './whole-division.ts';

/** A recording that is written as an archive. */
export interface ArchivedRecording {
  /** Name of its files without extension: letters, digits, `_`, `-` and `.`, 89 at most. */
  readonly name: string;
  /** Bytes of its data. They are stated first, so they must be known before the first sample. */
  readonly dataBytes: number;
  /** Time that its files bear, whole seconds since 1970; they bear 1970 where it lies before. */
  readonly modifiedS: number;
}

/**
 * What stands before the data of a .sigmf archive (SigMF 1.2.5 "SigMF Archives", a tar of POSIX.1-2001). The data comes
 * first and the metadata behind it, since that holds the hash of what was sent.
 *
 * @param isFixedSize has as many bytes for every length, so that it can be written when the length is known.
 */
export function archiveHead({ name, dataBytes, modifiedS }: ArchivedRecording, isFixedSize = false): Buffer {
  return tarHeader({ name: `${name}.sigmf-data`, bytes: dataBytes, modifiedS }, isFixedSize);
}

/** What stands behind the data: the metadata and the end of the archive. */
export function archiveTail({ name, dataBytes, modifiedS }: ArchivedRecording, metadata: string): Buffer {
  const text = Buffer.from(metadata);
  return Buffer.concat([
    tarPadding(dataBytes),
    tarHeader({ name: `${name}.sigmf-meta`, bytes: text.length, modifiedS }),
    text,
    tarPadding(text.length),
    tarEnd(),
  ]);
}

/** The metadata of an archive whose data has all been sent. */
export function finishedMetadata(notes: RecordingNotes): string {
  return notes.text(notes.sha512());
}

/** The name of a recording that began then, such as `gs-1-20260102T030405Z`. */
export function recordingName(stationId: string, startNs: bigint): string {
  const [seconds = ''] = new Date(Number(wholeDivision(startNs, 1_000_000n).quotient)).toISOString().split('.');
  return `${stationId}-${seconds.replace(/[-:]/g, '')}Z`;
}

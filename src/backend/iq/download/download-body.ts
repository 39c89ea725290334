import { PassbandError } from '../../../errors.ts';
import { type ArchivedRecording, archiveHead, archiveTail, finishedMetadata } from '../../../sigmf/archive-writer.ts';
import { MAX_CAPTURES, type RecordingFacts, RecordingNotes } from '../../../sigmf/recording-notes.ts';
import type { SamplePiece } from '../ring/sample-cursor.ts';

/** How samples become a body. */
export interface DownloadBody {
  readonly contentType: string;
  /** File name for those who save it. */
  readonly fileName: string;
  /** What stands before the samples. */
  readonly head: Uint8Array;
  /** Looks at what comes next. @throws PassbandError for what the body cannot say; it is then broken off. */
  accept(piece: SamplePiece): void;
  /** Is told of the samples that were put into it. */
  wrote(bytes: Uint8Array): void;
  /** What stands behind the samples. */
  tail(): Uint8Array;
}

const NOTHING = new Uint8Array();

/** Samples and nothing else. Such a body cannot say that some are missing or that the tuning changed: it ends before that. */
export function rawBody(name: string, datatype: string, first: SamplePiece): DownloadBody {
  return {
    contentType: 'application/octet-stream',
    fileName: `${name}.${EXTENSIONS[datatype] ?? 'iq'}`,
    head: NOTHING,
    accept: (piece) => {
      refuseOtherRate(first, piece);
      if (piece.lost > 0) {
        throw new PassbandError(
          'DATA_LOSS',
          `samples ${piece.start - piece.lost} to ${piece.start - 1} are missing (${piece.lost}); a raw body cannot say so and ends here: archive=sigmf can`,
        );
      }
      if (piece.run.centerFrequencyHz !== first.run.centerFrequencyHz) {
        throw new PassbandError(
          'ABORTED',
          `the station was retuned to ${piece.run.centerFrequencyHz} Hz at sample ${piece.start}; a raw body cannot say so and ends here: archive=sigmf can`,
        );
      }
    },
    wrote: () => {},
    tail: () => NOTHING,
  };
}

/** What programs that read raw samples call them. */
const EXTENSIONS: Readonly<Record<string, string>> = { cf32_le: 'cf32', ci16_le: 'cs16', ci8: 'cs8', cu8: 'cu8' };

/** A .sigmf archive: gaps and retunes are captures, and it goes on until it has its number of samples. */
export function archiveBody(recording: ArchivedRecording, facts: RecordingFacts, first: SamplePiece): DownloadBody {
  const notes = new RecordingNotes(facts);
  return {
    contentType: 'application/x-tar',
    fileName: `${recording.name}.sigmf`,
    head: archiveHead(recording),
    accept: (piece) => {
      refuseOtherRate(first, piece);
      const { run, start } = piece;
      notes.from({
        globalIndex: start,
        centerFrequencyHz: run.centerFrequencyHz,
        timestampNs: run.timestampNs(start),
      });
      if (notes.captures > MAX_CAPTURES) {
        throw new PassbandError('DATA_LOSS', `more than ${MAX_CAPTURES} gaps and retunes; the archive ends here`);
      }
    },
    wrote: (bytes) => notes.append(bytes),
    tail: () => archiveTail(recording, finishedMetadata(notes)),
  };
}

function refuseOtherRate(first: SamplePiece, { run, start }: SamplePiece): void {
  if (run.sampleRateHz === first.run.sampleRateHz) return;
  throw new PassbandError(
    'ABORTED',
    `the station was set to ${run.sampleRateHz} samples/s at sample ${start}; a recording has one rate, so this one ends here`,
  );
}

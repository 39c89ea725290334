import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, truncate } from 'node:fs/promises';
import { isRecord } from '../../is-record.ts';
import { MAX_METADATA_BYTES } from '../../sigmf/metadata.ts';
import { METADATA_TAIL } from '../../sigmf/recording-notes.ts';
import { bytesPerSample } from '../iq/formats.ts';
import type { RecordingFiles } from './recording-files.ts';
import type { RecordingRecord } from './recording-record.ts';

/** Why recordings ended that were under way when the server did. */
const CRASHED = 'the server ended while it was being made';

/** How a capture ends in the text that is written here. */
const CAPTURE_END = '\n    }';

type Json = Readonly<Record<string, unknown>>;

interface Metadata {
  readonly global: Json;
  readonly captures: readonly Json[];
}

/**
 * Brings a recording that a dead server left behind in order: whole samples, and captures that have some. Its hash is
 * still to be found out.
 */
export async function repairRecording(files: RecordingFiles, record: RecordingRecord): Promise<RecordingRecord> {
  const { recordingId, datatype } = record;
  const sampleBytes = bytesPerSample(datatype);
  const there = (await files.dataBytes(recordingId)) ?? 0;
  const samples = Math.floor(there / sampleBytes);
  const bytes = samples * sampleBytes;
  if (bytes !== there) await truncate(files.dataFile(recordingId), bytes);
  const metadata = await readMetadata(files.metaFile(recordingId));
  const found = { ...record, state: 'broken-off', samples, bytes, sha512: '' } as const;
  if (metadata === undefined) {
    const lost = { ...found, reason: `${CRASHED}, and its metadata is damaged`, endNs: record.startNs };
    await files.putRecord(lost);
    return lost;
  }
  const captures = metadata.captures.filter((capture) => numberIn(capture, 'core:sample_start', samples) < samples);
  await files.putMeta(recordingId, textOf(metadata.global, captures));
  const repaired: RecordingRecord = {
    ...found,
    reason: CRASHED,
    captures: captures.length,
    lostSamples: lostIn(captures),
    endNs: endOf(record, captures, samples).toString(),
  };
  await files.putRecord(repaired);
  return repaired;
}

/** Finds out the hash of a recording's data and notes it in its files. */
export async function hashRecording(
  files: RecordingFiles,
  record: RecordingRecord,
  signal: AbortSignal,
): Promise<RecordingRecord> {
  const { recordingId } = record;
  const hash = createHash('sha512');
  for await (const chunk of createReadStream(files.dataFile(recordingId), { signal })) hash.update(chunk);
  const sha512 = hash.digest('hex');
  const metadata = await readMetadata(files.metaFile(recordingId));
  if (metadata !== undefined) {
    await files.putMeta(recordingId, textOf({ ...metadata.global, 'core:sha512': sha512 }, metadata.captures));
  }
  const hashed = { ...record, sha512 };
  await files.putRecord(hashed);
  return hashed;
}

async function readMetadata(file: string): Promise<Metadata | undefined> {
  try {
    if ((await stat(file)).size > MAX_METADATA_BYTES) return undefined;
    const value = parseWhole(await readFile(file, 'utf8'));
    if (!isRecord(value) || !isRecord(value.global) || !Array.isArray(value.captures)) return undefined;
    return { global: value.global, captures: value.captures.filter(isRecord) };
  } catch {
    return undefined;
  }
}

/** Parses metadata; where its end is damaged, up to the last capture that is whole. */
function parseWhole(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const end = text.lastIndexOf(CAPTURE_END);
    return JSON.parse(`${text.slice(0, Math.max(0, end))}${CAPTURE_END}${METADATA_TAIL}`);
  }
}

const textOf = (global: Json, captures: readonly Json[]): string =>
  `${JSON.stringify({ global, captures, annotations: [] }, undefined, 2)}\n`;

function numberIn(capture: Json, name: string, otherwise: number): number {
  const value = capture[name];
  return typeof value === 'number' ? value : otherwise;
}

/** Samples that are missing between captures, by their indices. */
function lostIn(captures: readonly Json[]): number {
  let lost = 0;
  captures.forEach((capture, i) => {
    const before = captures[i - 1];
    if (before === undefined) return;
    const written = numberIn(capture, 'core:sample_start', 0) - numberIn(before, 'core:sample_start', 0);
    const passed = numberIn(capture, 'core:global_index', 0) - numberIn(before, 'core:global_index', 0);
    lost += Math.max(0, passed - written);
  });
  return lost;
}

/** Time behind the last sample. */
function endOf(record: RecordingRecord, captures: readonly Json[], samples: number): bigint {
  const last = captures.at(-1);
  const beganMs = Date.parse(String(last?.['core:datetime']));
  if (last === undefined || Number.isNaN(beganMs)) return BigInt(record.startNs);
  const seconds = (samples - numberIn(last, 'core:sample_start', samples)) / record.sampleRateHz;
  return BigInt(Math.round(beganMs + seconds * 1000)) * 1_000_000n;
}

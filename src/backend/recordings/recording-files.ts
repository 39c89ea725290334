import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../durable-files.ts';
import { recordingName } from '../../sigmf/archive-writer.ts';
import { type RecordingRecord, readRecord } from './recording-record.ts';

/** What ids look like: station, second of the beginning, and four digits that tell apart what began in one second. */
const RECORDING_ID = /^[A-Za-z0-9_-]{1,64}-\d{8}T\d{6}Z-[0-9a-f]{4}$/;

/** Samples are as worth protecting as what was heard: nobody but the server's own user and group may read them. */
const FILE_MODE = 0o640;

/** Bytes of a record that are read; one is some hundred. */
const MAX_RECORD_BYTES = 64 * 1024;

/** The files of recordings in one folder: ID.sigmf-meta, ID.sigmf-data and ID.json. */
export class RecordingFiles {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A new id. */
  newId(stationId: string, startNs: bigint): string {
    return `${recordingName(stationId, startNs)}-${randomBytes(2).toString('hex')}`;
  }

  dataFile(id: string): string {
    return this.#file(id, 'sigmf-data');
  }

  metaFile(id: string): string {
    return this.#file(id, 'sigmf-meta');
  }

  /** Makes the empty data file of a new recording. */
  createData(id: string): Promise<FileHandle> {
    return open(this.dataFile(id), 'wx', FILE_MODE);
  }

  /** Bytes of the data file; undefined where there is none. */
  async dataBytes(id: string): Promise<number | undefined> {
    const status = await stat(this.dataFile(id)).catch(() => undefined);
    return status?.size;
  }

  /** Puts the metadata in the place of what was there. */
  putMeta(id: string, text: string): Promise<void> {
    return replaceFile(this.metaFile(id), text, FILE_MODE);
  }

  /** Puts the record in the place of what was there. */
  putRecord(record: RecordingRecord): Promise<void> {
    return replaceFile(this.#file(record.recordingId, 'json'), `${JSON.stringify(record, undefined, 2)}\n`, FILE_MODE);
  }

  /** The records there are; files that are no recording of ours are left alone. */
  async records(): Promise<RecordingRecord[]> {
    const records: RecordingRecord[] = [];
    for (const name of await readdir(this.folder)) {
      const id = name.endsWith('.json') ? name.slice(0, -'.json'.length) : '';
      if (!RECORDING_ID.test(id)) continue;
      const file = this.#file(id, 'json');
      if ((await stat(file)).size > MAX_RECORD_BYTES) continue;
      const record = readRecord(await readFile(file, 'utf8'));
      if (record?.recordingId === id) records.push(record);
    }
    return records;
  }

  /** Removes a recording. What names it goes last, so that an end half way leaves nothing that nobody knows of. */
  async remove(id: string): Promise<void> {
    for (const extension of ['sigmf-data', 'sigmf-meta', 'json']) await rm(this.#file(id, extension), { force: true });
  }

  #file(id: string, extension: string): string {
    // Ids are made here; whatever else might come this way must not name another place.
    if (!RECORDING_ID.test(id)) throw new Error('not an id of a recording');
    return join(this.folder, `${id}.${extension}`);
  }
}

import { mkdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import { PassbandError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { bytesPerSample, type Datatype } from '../iq/formats.ts';
import { type SampleLength, samplesOf } from '../iq/sample-length.ts';
import type { Station } from '../stations/station.ts';
import type { Stations } from '../stations/stations.ts';
import { DiskRoom, type RoomLimits } from './disk-room.ts';
import { holdFolder } from './hold-folder.ts';
import { playerOf } from './player.ts';
import { RecordingFiles } from './recording-files.ts';
import { RecordingJob } from './recording-job.ts';
import type { RecordingRecord } from './recording-record.ts';
import { RecordingWriter } from './recording-writer.ts';
import { hashRecording, repairRecording } from './repair.ts';

/** Recordings under way at a time: each costs a buffer of a megabyte and its share of the disk's speed. */
export const MAX_RUNNING = 16;
/** Recordings that are kept: the list of all is one answer, some hundred bytes each. */
export const MAX_RECORDINGS = 1000;

/** What recordings are made with. */
export interface RecordingsContext {
  readonly folder: string;
  readonly limits: RoomLimits;
  readonly stations: Stations;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is to be recorded. */
export interface RecordingOrder {
  readonly station: Station;
  readonly datatype: Datatype;
  readonly length: SampleLength;
  readonly description: string;
  readonly startedBy: string;
}

/** The recordings of this backend. One process at a time has the folder. */
export class Recordings {
  readonly files: RecordingFiles;
  readonly room: DiskRoom;
  readonly #context: RecordingsContext;
  readonly #records = new Map<string, RecordingRecord>();
  readonly #jobs = new Map<string, RecordingJob>();
  readonly #closing = new AbortController();
  /** Recordings that are being begun, by their ids. */
  readonly #beginning = new Map<string, Promise<RecordingRecord>>();
  #hashing: Promise<void> = Promise.resolve();
  #unlock: () => Promise<void> = async () => {};

  private constructor(context: RecordingsContext) {
    this.#context = context;
    this.files = new RecordingFiles(context.folder);
    this.room = new DiskRoom(context.folder, context.limits, context.clock);
  }

  /** Opens the folder; what a dead server left there is brought in order. @throws UsageError when another process has it. */
  static async open(context: RecordingsContext): Promise<Recordings> {
    await mkdir(context.folder, { recursive: true });
    const recordings = new Recordings(context);
    recordings.#unlock = await holdFolder(context.folder);
    try {
      await recordings.#read();
    } catch (error) {
      await recordings.#unlock();
      throw error;
    }
    return recordings;
  }

  /** All, or those of one station, the newest first. */
  list(stationId: string): RecordingRecord[] {
    return [...this.#records.keys()]
      .map((id) => this.get(id))
      .filter((record) => stationId === '' || record.stationId === stationId)
      .sort((a, b) => (BigInt(a.startNs) < BigInt(b.startNs) ? 1 : -1));
  }

  /** @throws PassbandError NOT_FOUND */
  get(id: string): RecordingRecord {
    const record = this.#jobs.get(id)?.record ?? this.#records.get(id);
    if (record !== undefined) return record;
    throw new PassbandError('NOT_FOUND', 'there is no such recording; ListRecordings tells which there are');
  }

  /** Begins a recording. @throws PassbandError where there is no room, or the station has nothing to give. */
  async start(order: RecordingOrder): Promise<RecordingRecord> {
    const { station } = order;
    this.#requireOpen();
    station.requireRunning();
    if (this.#jobs.size + this.#beginning.size >= MAX_RUNNING) {
      throw new PassbandError('RESOURCE_EXHAUSTED', `${MAX_RUNNING} recordings are under way already; stop one first`);
    }
    if (this.#records.size + this.#beginning.size >= MAX_RECORDINGS) {
      throw new PassbandError('RESOURCE_EXHAUSTED', `${MAX_RECORDINGS} recordings are kept already; delete some first`);
    }
    this.#requireQuota(order);
    const startNs = this.#context.clock.wallNs();
    const id = this.#newId(station.id, startNs);
    const begun = this.#begin(order, id, startNs);
    this.#beginning.set(id, begun);
    try {
      return await begun;
    } finally {
      this.#beginning.delete(id);
    }
  }

  /** Ends a recording; one that has ended stays as it is. @throws PassbandError NOT_FOUND */
  async stop(id: string): Promise<RecordingRecord> {
    const job = this.#jobs.get(id);
    if (job !== undefined) await this.#ended(id, job.stop());
    return this.get(id);
  }

  /** Removes a recording. @throws PassbandError NOT_FOUND, FAILED_PRECONDITION while a station plays it. */
  async remove(id: string): Promise<void> {
    this.get(id);
    const player = await playerOf(this.files.metaFile(id), this.#context.stations.all());
    if (player !== undefined) {
      throw new PassbandError(
        'FAILED_PRECONDITION',
        `station ${player.id} plays this recording; remove that station or give it another source first`,
      );
    }
    const { bytes } = await this.stop(id);
    if (!this.#records.delete(id)) return;
    this.room.giveBack(bytes);
    await this.files.remove(id);
  }

  /** Ends what is under way and gives the folder back. */
  async close(): Promise<void> {
    this.#closing.abort();
    // Whoever is about to begin sees that and gives up; until then the folder is in use.
    await Promise.allSettled(this.#beginning.values());
    const reason = { state: 'broken-off', reason: 'the server was shut down' } as const;
    await Promise.all([...this.#jobs].map(([id, job]) => this.#ended(id, job.stop(reason))));
    await this.#hashing;
    await this.#unlock();
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted) throw new PassbandError('UNAVAILABLE', 'the server is shutting down');
  }

  /** A length that cannot fit is known to be too long before it begins; others meet the quota where they come to it. */
  #requireQuota({ station, datatype, length }: RecordingOrder): void {
    const samples = samplesOf(length, station.hub.source.tuning.sampleRateHz);
    if (samples !== undefined) this.room.requireQuota(samples * bytesPerSample(datatype));
  }

  #newId(stationId: string, startNs: bigint): string {
    for (;;) {
      const id = this.files.newId(stationId, startNs);
      if (!this.#records.has(id) && !this.#beginning.has(id)) return id;
    }
  }

  async #begin(order: RecordingOrder, recordingId: string, startNs: bigint): Promise<RecordingRecord> {
    const { station, datatype, length, description, startedBy } = order;
    const { clock, log, stations } = this.#context;
    const { sampleRateHz, centerFrequencyHz } = station.hub.source.tuning;
    const context = { files: this.files, room: this.room, clock };
    const writer = await RecordingWriter.create(context, {
      ...{ recordingId, stationId: station.id, state: 'recording', datatype, sampleRateHz, centerFrequencyHz },
      ...{ samples: 0, bytes: 0, lostSamples: 0, captures: 0, startNs: startNs.toString(), endNs: '', sha512: '' },
      ...{ reason: '', description, startedBy },
    });
    const isThere = (): boolean => stations.all().includes(station);
    const job = new RecordingJob({ station, writer, length, clock, log, isThere });
    try {
      // Files take their time. A station that was stopped or removed meanwhile lets nobody join.
      this.#requireOpen();
      const done = job.begin();
      this.#records.set(recordingId, job.record);
      this.#jobs.set(recordingId, job);
      void this.#ended(recordingId, done);
    } catch (error) {
      await writer.discard();
      throw error;
    }
    log.info({ recording: recordingId, station: station.id, startedBy }, 'recording begins');
    return job.record;
  }

  /** Notes the end of a job, however often it is waited for. */
  async #ended(id: string, done: Promise<RecordingRecord>): Promise<void> {
    const { log, clock } = this.#context;
    const job = this.#jobs.get(id);
    const record = await done.catch((error: unknown): RecordingRecord => {
      log.error({ err: error, recording: id }, 'the end of a recording could not be written');
      const reason = 'the disk does not take what is written';
      return { ...(job?.record ?? this.get(id)), state: 'broken-off', reason, endNs: clock.wallNs().toString() };
    });
    if (!this.#jobs.delete(id)) return;
    this.#records.set(id, record);
    const { state, reason, samples, lostSamples } = record;
    log.info({ recording: id, state, reason: reason || undefined, samples, lostSamples }, 'recording ends');
  }

  async #read(): Promise<void> {
    const unhashed: RecordingRecord[] = [];
    for (const found of await this.files.records()) {
      const record = found.state === 'recording' ? await repairRecording(this.files, found) : found;
      this.#records.set(record.recordingId, record);
      this.room.count(record.bytes);
      if (record.sha512 === '') unhashed.push(record);
      if (record !== found) this.#context.log.warn({ recording: record.recordingId }, 'recording was left unfinished');
    }
    // Minutes for a large one: meanwhile it is there, without its hash.
    this.#hashing = this.#hash(unhashed);
  }

  async #hash(records: readonly RecordingRecord[]): Promise<void> {
    for (const record of records) {
      const { recordingId } = record;
      if (this.#closing.signal.aborted || !this.#records.has(recordingId)) continue;
      try {
        const hashed = await hashRecording(this.files, record, this.#closing.signal);
        if (this.#records.has(recordingId)) this.#records.set(recordingId, hashed);
        else await this.files.remove(recordingId);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#context.log.warn(
          { err: error, recording: recordingId },
          'the hash of a recording could not be found out',
        );
      }
    }
  }
}

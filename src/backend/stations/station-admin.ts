import type { Logger } from 'pino';
import { errnoOf } from '../../durable-files.ts';
import { PassbandError, UsageError } from '../../errors.ts';
import { isRecord } from '../../is-record.ts';
import { withoutFolders } from '../without-folders.ts';
import type { PlainStation } from './declared-station.ts';
import { FieldFault } from './fields.ts';
import type { Station } from './station.ts';
import { patched, type Reach, settingsOf, withinReach } from './station-patch.ts';
import type { PreparedStation, Stations } from './stations.ts';
import type { StationsFile } from './stations-file.ts';

/** Where changes of stations are written, and what they may reach. */
export interface StationChanges {
  readonly file: StationsFile;
  readonly reach: Reach;
}

/** What stations are changed with; without a file they cannot be changed. */
export interface AdminContext extends Partial<StationChanges> {
  readonly stations: Stations;
  readonly log: Logger;
}

/** Changes that are under way or wait for their turn: each may hold a recording open. */
const MAX_CHANGES = 64;

/** A change that is ready, and what it takes to make it. */
interface ReadyChange {
  readonly prepared: PreparedStation;
  /** Whether what it was made ready for still holds. @throws PassbandError NOT_FOUND */
  readonly holds: () => boolean;
  readonly write: (proceed: () => void) => Promise<void>;
}

/**
 * Adds, changes and removes stations while the backend runs. Each change is proven first, which may take long where a
 * recording is read, and keeps nobody waiting; then, one change at a time, it is written to the stations file and takes
 * effect. So what was answered survives a crash, and what fails, or comes too late for its caller, changes nothing.
 */
export class StationAdmin {
  readonly #context: AdminContext;
  #queue: Promise<unknown> = Promise.resolve();
  #changing = 0;

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /**
   * Adds a station.
   *
   * @param gone aborts when the caller has gone: from then on, nothing is written.
   * @throws PassbandError INVALID_ARGUMENT, ALREADY_EXISTS, RESOURCE_EXHAUSTED, FAILED_PRECONDITION
   */
  create(message: Readonly<Record<string, unknown>>, gone: AbortSignal): Promise<Station> {
    return this.#counted(async () => {
      const { file, reach } = this.#changes();
      const settings = inFields(() => withinReach(settingsOf(message), {}, reach));
      const config = inFields(() => file.declare(settings));
      const prepared = await ready(this.#context.stations.prepare(config, gone), isNewRecording(settings, {}));
      const made = await this.#settle(gone, {
        prepared,
        // Its id is kept for it while it is made ready.
        holds: () => true,
        write: (proceed) => file.add(settings, proceed),
      });
      return made ?? this.#context.stations.get(config.stationId);
    });
  }

  /** Changes the members of a station that a mask names. @throws PassbandError like create, and NOT_FOUND */
  update(message: Readonly<Record<string, unknown>>, mask: readonly string[], gone: AbortSignal): Promise<Station> {
    return this.#counted(async () => {
      // Each further round says that another change of this station was made meanwhile, so that there is an end.
      for (;;) {
        const changed = await this.#tryUpdate(message, mask, gone);
        if (changed !== undefined) return changed;
      }
    });
  }

  /** Removes a station. @throws PassbandError NOT_FOUND, FAILED_PRECONDITION */
  remove(stationId: string, gone: AbortSignal): Promise<void> {
    return this.#counted(() =>
      this.#inTurn(async () => {
        const { file } = this.#changes();
        const { stations } = this.#context;
        const { id } = stations.get(stationId);
        await this.#save(() => file.remove(id, () => this.#proceed(gone)));
        stations.remove(id, new PassbandError('UNAVAILABLE', `station ${id} was removed`));
      }),
    );
  }

  #changes(): StationChanges {
    const { file, reach } = this.#context;
    if (file === undefined || reach === undefined) throw unchangeable('a station of this server');
    return { file, reach };
  }

  /** Undefined where the station has been changed by another while this change was made ready. */
  async #tryUpdate(
    message: Readonly<Record<string, unknown>>,
    mask: readonly string[],
    gone: AbortSignal,
  ): Promise<Station | undefined> {
    const { file, reach } = this.#changes();
    const { stations } = this.#context;
    const station = stations.get(String(message.station_id));
    const { config: present } = station;
    const before = present.settings;
    if (before === undefined) throw unchangeable(`station ${station.id}`);
    const settings = inFields(() => withinReach(patched(before, settingsOf(message), mask), before, reach));
    const config = inFields(() => file.declare(settings));
    return this.#settle(gone, {
      prepared: await ready(stations.prepareChange(station, config, gone), isNewRecording(settings, before)),
      holds: () => stations.get(station.id).config === present,
      write: (proceed) => file.change(settings, proceed),
    });
  }

  /** In its turn, writes a change down and lets it take effect; undefined where what it was made for holds no more. */
  async #settle(gone: AbortSignal, { prepared, holds, write }: ReadyChange): Promise<Station | undefined> {
    let begun = false;
    try {
      return await this.#inTurn(async () => {
        if (!holds()) return undefined;
        await this.#save(() => write(() => this.#proceed(gone)));
        begun = true;
        return prepared.begin();
      });
    } finally {
      if (!begun) prepared.discard();
    }
  }

  /** The last look before a change is written. @throws PassbandError why it is not to be. */
  #proceed(gone: AbortSignal): void {
    for (const signal of [gone, this.#context.stations.closing]) signal.throwIfAborted();
  }

  async #save(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (error instanceof PassbandError) throw error;
      this.#context.log.error({ err: error }, 'the stations file cannot be changed');
      const message =
        "the stations file cannot be read or written at present; nothing was changed; the server's log says why";
      throw new PassbandError('UNAVAILABLE', message, { cause: error });
    }
  }

  async #counted<T>(change: () => Promise<T>): Promise<T> {
    if (this.#changing >= MAX_CHANGES) {
      throw new PassbandError(
        'RESOURCE_EXHAUSTED',
        `${MAX_CHANGES} changes of stations are under way; try again later`,
      );
    }
    this.#changing++;
    try {
      return await change();
    } finally {
      this.#changing--;
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(change);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** What is made ready; why it cannot be is told to the caller, without the server's folders. */
async function ready(preparing: Promise<PreparedStation>, isOfLibrary: boolean): Promise<PreparedStation> {
  try {
    return await preparing;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const where = isOfLibrary && isMissing(error) ? '; it belongs into the folder library of --data' : '';
    throw new PassbandError('FAILED_PRECONDITION', `${withoutFolders(error.message)}${where}`, { cause: error });
  }
}

const isMissing = (error: UsageError): boolean => ['ENOENT', 'ENOTDIR'].includes(errnoOf(error.cause) ?? '');

/** Whether a call names another recording than there was: one of the library, as calls reach no others. */
function isNewRecording(settings: PlainStation, before: PlainStation): boolean {
  return settings.sigmf !== undefined && recordingOf(settings) !== recordingOf(before);
}

const recordingOf = ({ sigmf }: PlainStation): unknown => (isRecord(sigmf) ? sigmf.file : undefined);

const unchangeable = (what: string): PassbandError =>
  new PassbandError('FAILED_PRECONDITION', `${what} cannot be changed while it runs`);

/** What is wrong with a setting, told to the caller by the setting's name. */
function inFields<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FieldFault)) throw error;
    const place = error.path[0] === 'update_mask' ? error.place : ['station', error.place].filter(Boolean).join('.');
    throw new PassbandError('INVALID_ARGUMENT', `${place}: ${error.message}`, { cause: error });
  }
}

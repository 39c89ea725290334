import type { Logger } from 'pino';
import { PassbandError, UsageError } from '../../errors.ts';
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

/**
 * Adds, changes and removes stations while the backend runs. One change at a time; each is proven, then written to the
 * stations file, then takes effect, so that what was answered survives a crash and what fails changes nothing.
 */
export class StationAdmin {
  readonly #context: AdminContext;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(context: AdminContext) {
    this.#context = context;
  }

  /** Adds a station. @throws PassbandError INVALID_ARGUMENT, ALREADY_EXISTS, RESOURCE_EXHAUSTED, FAILED_PRECONDITION */
  create(message: Readonly<Record<string, unknown>>): Promise<Station> {
    return this.#inTurn(async () => {
      const { file, reach } = this.#changes();
      const settings = inFields(() => withinReach(settingsOf(message), {}, reach));
      return this.#settle(settings, this.#context.stations.prepare(inFields(() => file.declare(settings))));
    });
  }

  /** Changes the members of a station that a mask names. @throws PassbandError like create, and NOT_FOUND */
  update(message: Readonly<Record<string, unknown>>, mask: readonly string[]): Promise<Station> {
    return this.#inTurn(async () => {
      const { file, reach } = this.#changes();
      const station = this.#context.stations.get(String(message.station_id));
      const before = station.config.settings;
      if (before === undefined) throw unchangeable(`station ${station.id}`);
      const settings = inFields(() => withinReach(patched(before, settingsOf(message), mask), before, reach));
      const config = inFields(() => file.declare(settings));
      return this.#settle(settings, this.#context.stations.prepareChange(station, config));
    });
  }

  /** Removes a station. @throws PassbandError NOT_FOUND */
  remove(stationId: string): Promise<void> {
    return this.#inTurn(async () => {
      const { file } = this.#changes();
      const { stations } = this.#context;
      const { id } = stations.get(stationId);
      await this.#save(() => file.remove(id));
      stations.remove(id, new PassbandError('UNAVAILABLE', `station ${id} was removed`));
    });
  }

  #changes(): StationChanges {
    const { file, reach } = this.#context;
    if (file === undefined || reach === undefined) throw unchangeable('a station of this server');
    return { file, reach };
  }

  /** Waits until a change is ready, writes it down and lets it take effect. */
  async #settle(settings: PlainStation, preparing: Promise<PreparedStation>): Promise<Station> {
    const { file } = this.#changes();
    const prepared = await preparing.catch((error: unknown) => {
      if (!(error instanceof UsageError)) throw error;
      throw new PassbandError('FAILED_PRECONDITION', withoutFolders(error.message), { cause: error });
    });
    try {
      await this.#save(() => file.put(settings));
    } catch (error) {
      prepared.discard();
      throw error;
    }
    return prepared.begin();
  }

  async #save(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (error instanceof PassbandError) throw error;
      this.#context.log.error({ err: error }, 'the stations file cannot be changed');
      const message = 'the stations file cannot be changed at present; nothing was changed';
      throw new PassbandError('UNAVAILABLE', message, { cause: error });
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(change);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

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

import type { Logger } from 'pino';
import { PassbandError, UsageError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { AbsentSource, type Opening } from '../iq/sources/absent-source.ts';
import { openSource } from '../iq/sources/open.ts';
import type { Source } from '../iq/sources/source.ts';
import type { StationConfig } from './station-config.ts';
import type { StationsMetrics } from './station-metrics.ts';

/**
 * Milliseconds for which a server that starts waits for a recording that is being checked. Most are checked by then, so
 * that their stations are there from the first call on; the others' stations come later, and keep nobody waiting.
 */
const START_WAIT_MS = 3000;

/** What sources are opened with. */
interface SourcesContext {
  readonly metrics: StationsMetrics;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Opens the sources of stations. */
export class StationSources {
  readonly #context: SourcesContext;
  readonly #closing = new AbortController();

  constructor(context: SourcesContext) {
    this.#context = context;
  }

  /** Aborts, with what callers are to be told, when there will be no more sources. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Opens the source of a station.
   *
   * @param gone gives up at once when it aborts.
   * @throws UsageError where it is wrong, or the reason for giving up.
   */
  open(config: StationConfig, gone: AbortSignal): Promise<Source> {
    const { stationId, site, source } = config;
    const { clock, log } = this.#context;
    const given = { stationId, clock, log, signal: AbortSignal.any([gone, this.closing]) };
    return openSource(source, site === undefined ? given : { ...given, site });
  }

  /**
   * Opens the source of a station, or what stands for it where it cannot be opened, or not soon.
   *
   * @param opened takes the source that comes later, and what has stood for it until then.
   */
  async openOrStandIn(config: StationConfig, opened: (source: Source, standIn: Source) => void): Promise<Source> {
    const opening = this.#begin(config);
    const first = await this.#inTime(opening.source, config.source.kind === 'sigmf');
    if (first !== undefined && !(first instanceof UsageError)) return first;
    const { stationId } = config;
    if (first === undefined)
      this.#context.log.info({ station: stationId }, 'the recording of a station is being checked');
    return this.#standIn(config, first ?? opening, opened);
  }

  /** Gives up whatever is being opened. */
  close(reason: PassbandError): void {
    this.#closing.abort(reason);
  }

  #begin(config: StationConfig): Opening {
    const giving = new AbortController();
    return {
      source: this.open(config, giving.signal),
      giveUp: () => giving.abort(new PassbandError('CANCELLED', 'the station was removed or changed')),
    };
  }

  /** What comes in time, or why it cannot be opened; undefined for what is late. No others than recordings take any time. */
  async #inTime(source: Promise<Source>, isRecording: boolean): Promise<Source | UsageError | undefined> {
    let cancel = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      if (isRecording) cancel = this.#context.clock.after(START_WAIT_MS, () => resolve(undefined));
    });
    try {
      return await Promise.race([source, late]);
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    } finally {
      cancel();
    }
  }

  #standIn(
    config: StationConfig,
    first: UsageError | Opening,
    opened: (source: Source, standIn: Source) => void,
  ): Source {
    const { stationId, source } = config;
    const { clock, log, metrics } = this.#context;
    const standIn: Source = new AbsentSource({
      kind: source.kind,
      first,
      clock,
      log: log.child({ station: stationId }),
      open: () => this.#begin(config),
      opened: (late) => opened(late, standIn),
      failed: () => metrics.of(stationId).fault(),
    });
    return standIn;
  }
}

import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Tuning } from '../iq/sources/source.ts';
import { COMMAND_BYTES, type CommandName, parseCommand } from '../rtl-tcp-protocol.ts';

/** Commands of one client in a second: a dragged slider makes some sixty. */
export const MAX_COMMANDS_PER_S = 1_000;

/**
 * Reads what a client commands and carries nothing out: a station has one tuning for all of its readers, and StartStream,
 * on which the policy decides, changes it. A client that asks for another tuning is told of in the log, once for each.
 */
export class CommandWatch {
  readonly #tuning: () => Tuning;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #held = Buffer.alloc(COMMAND_BYTES);
  #heldBytes = 0;
  readonly #toldOf = new Set<CommandName>();
  #secondEndsMs = 0;
  #bytesThisSecond = 0;

  /** @param tuning what the station is tuned to now. */
  constructor(tuning: () => Tuning, clock: Clock, log: Logger) {
    this.#tuning = tuning;
    this.#clock = clock;
    this.#log = log;
  }

  /** Takes bytes of the client; false when there are more than any program sends. */
  take(chunk: Buffer): boolean {
    const nowMs = this.#clock.nowMs();
    if (nowMs >= this.#secondEndsMs) {
      this.#secondEndsMs = nowMs + 1000;
      this.#bytesThisSecond = 0;
    }
    this.#bytesThisSecond += chunk.length;
    if (this.#bytesThisSecond > MAX_COMMANDS_PER_S * COMMAND_BYTES) return false;
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.copy(this.#held, this.#heldBytes, at);
      at += taken;
      this.#heldBytes += taken;
      if (this.#heldBytes < COMMAND_BYTES) break;
      this.#heldBytes = 0;
      this.#look();
    }
    return true;
  }

  #look(): void {
    const { name, argument: wantedHz } = parseCommand(this.#held);
    if (name !== 'frequency' && name !== 'sampleRate') return;
    const { centerFrequencyHz, sampleRateHz } = this.#tuning();
    const stationHz = name === 'frequency' ? centerFrequencyHz : sampleRateHz;
    if (wantedHz === stationHz || this.#toldOf.has(name)) return;
    this.#toldOf.add(name);
    this.#log.info(
      { setting: name, wantedHz, stationHz },
      'an rtl_tcp client asks for what the station does not do now',
    );
  }
}

import type { Logger } from 'pino';
import { PassbandError } from '../../errors.ts';
import { afterMoment } from '../../expiry.ts';
import { nextChangeMs } from '../../gateway/guard/decide.ts';
import type { Policy } from '../../gateway/guard/policy.ts';
import type { Material } from '../../trust/material.ts';
import { startOcspRounds } from '../../trust/ocsp-rounds.ts';
import type { Reloadable } from '../../trust/reloadable.ts';
import { nextChangeMs as nextTrustChangeMs } from '../../trust/standing.ts';
import type { ConnectionMetrics } from '../metrics.ts';
import type { Connection, Connections } from './connections.ts';
import type { Door } from './door.ts';
import type { LiveCall } from './live-call.ts';

/** Milliseconds between the end of calls and that of their connection, for their status to be sent before it. */
const LAST_WORDS_MS = 200;
/** Milliseconds that lie between two looks because of the time of day at least. */
const MIN_PAUSE_MS = 10;

/** What is judged, and by what. */
export interface Judged {
  readonly door: Door;
  readonly calls: ReadonlySet<LiveCall>;
  readonly connections: Connections;
  readonly policy: Reloadable<Policy>;
  readonly material: Reloadable<Material<'backend'>>;
  readonly log: Logger;
  readonly metrics: ConnectionMetrics;
}

/**
 * Judges everything that is open again whenever the answer may have changed: with a new policy, CA or revocation list, at
 * the borders of time windows, when a revocation list goes stale, and when a certificate expires. Calls that lost their
 * right end with a status; connections whose peer lost its standing, or whom no rule names any more, are cut after it.
 */
export class Rechecks {
  readonly #judged: Judged;
  readonly #forget: readonly (() => void)[];
  readonly #expiries = new Map<Connection, () => void>();
  #disarm = (): void => {};

  constructor(judged: Judged) {
    this.#judged = judged;
    const again = (why: string) => (): void => this.#all(why);
    const rounds = judged.door.asksResponders
      ? [
          startOcspRounds(
            () => judged.connections.all(),
            (connection) => this.#askAgain(connection),
          ),
        ]
      : [];
    this.#forget = [
      judged.policy.onChange(again('policy')),
      judged.material.onChange(again('certificates')),
      ...rounds,
    ];
    this.#arm();
  }

  /** Looks after the validity of a connection's certificates until the returned function is called. */
  watch(connection: Connection): () => void {
    this.#armExpiry(connection);
    return () => {
      this.#expiries.get(connection)?.();
      this.#expiries.delete(connection);
    };
  }

  /** Judges nothing any more. */
  close(): void {
    for (const forget of this.#forget) forget();
    for (const disarm of this.#expiries.values()) disarm();
    this.#expiries.clear();
    this.#disarm();
  }

  #all(why: string): void {
    const { calls, connections, log } = this.#judged;
    const startedMs = performance.now();
    const before = calls.size;
    const judged = connections.all();
    this.#judge([...calls], judged);
    this.#arm();
    const ms = Math.round(performance.now() - startedMs);
    log.info({ why, calls: before, ended: before - calls.size, connections: judged.length, ms }, 'judged again');
  }

  #judge(calls: readonly LiveCall[], connections: readonly Connection[]): void {
    const { door, metrics } = this.#judged;
    const nowMs = Date.now();
    for (const call of calls) call.judgeAgain(nowMs);
    for (const connection of connections) {
      if (door.connectionFault(connection, nowMs) === undefined) continue;
      metrics.cut();
      connection.cut(LAST_WORDS_MS);
    }
  }

  /** Asks the responder of a connection's certificate, and ends its calls when that is not good. */
  async #askAgain(connection: Connection): Promise<void> {
    try {
      await this.#judged.door.requireGoodAnswer(connection, Date.now());
    } catch (error) {
      for (const call of [...this.#judged.calls]) {
        if (call.connection !== connection) continue;
        // What the call's own judgement ends says whose fault it is: a delegate's, or that of the one it speaks for.
        call.judgeAgain(Date.now());
        call.end(PassbandError.from(error));
      }
    }
  }

  /** Waits for the next moment at which policy or trust answer differently by themselves. */
  #arm(): void {
    this.#disarm();
    const { policy, material } = this.#judged;
    const { trust } = material.current();
    const nowMs = Date.now();
    const changesMs = [nextChangeMs(policy.current(), nowMs), nextTrustChangeMs(trust, nowMs)];
    const nextMs = Math.min(...changesMs.map((changeMs) => changeMs ?? Number.POSITIVE_INFINITY));
    this.#disarm =
      nextMs === Number.POSITIVE_INFINITY
        ? () => {}
        : afterMoment(Math.max(nextMs, nowMs + MIN_PAUSE_MS), () => this.#all('time'));
  }

  #armExpiry(connection: Connection): void {
    const { chain } = connection;
    const nowMs = Date.now();
    const endsMs = [chain.leaf, ...chain.intermediates]
      .map(({ validToDate }) => validToDate.getTime())
      .filter((endMs) => endMs >= nowMs);
    if (endsMs.length === 0) return;
    const disarm = afterMoment(Math.min(...endsMs), () => {
      this.#judge(
        [...this.#judged.calls].filter((call) => call.connection === connection),
        [connection],
      );
      this.#armExpiry(connection);
    });
    this.#expiries.set(connection, disarm);
  }
}

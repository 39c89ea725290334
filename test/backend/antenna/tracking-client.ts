import { setImmediate as turn } from 'node:timers/promises';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Caller, Message } from '../backend-under-test.ts';
import type { ManualClock } from '../manual-clock.ts';

/** How a call ended. */
export interface End {
  readonly code: number;
  readonly details: string;
}

/** One TrackSatellite call, with time that a test moves. */
export class TrackingClient {
  readonly call: ClientDuplexStream<object, Message>;
  readonly statuses: Message[] = [];
  readonly end: Promise<End>;
  /** How it ended; undefined while it goes on. */
  ended: End | undefined;
  readonly #clock: ManualClock;

  constructor(antenna: Caller, clock: ManualClock) {
    this.#clock = clock;
    this.call = antenna.raw.TrackSatellite?.();
    this.call.on('data', (status: Message) => this.statuses.push(status));
    this.call.on('error', () => undefined);
    this.end = new Promise((resolve) => {
      this.call.on('status', ({ code, details }: End) => {
        this.ended = { code, details };
        resolve(this.ended);
      });
    });
  }

  send(update: object): void {
    this.call.write(update);
  }

  /** The status that comes at once. @throws Error when the call ends instead. */
  async first(): Promise<Message> {
    for (;;) {
      const [status] = this.statuses;
      if (status !== undefined) return status;
      if (this.ended !== undefined) throw new Error(`${this.ended.code}: ${this.ended.details}`);
      await turn();
    }
  }

  /** Time passes, in steps between which the mount takes commands and messages travel. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#clock.nowMs() + ms;
    while (this.#clock.nowMs() < endMs && this.ended === undefined) {
      this.#clock.advance(Math.min(100, endMs - this.#clock.nowMs()));
      await turn();
    }
    await settle();
  }

  /** The newest status, after those under way have come. */
  async status(): Promise<Message> {
    await settle();
    const status = this.statuses.at(-1);
    if (status === undefined) throw new Error('no status came');
    return status;
  }

  leave(): void {
    this.call.cancel();
  }
}

/** Lets what is under way between client and server arrive, over the same machine's loopback. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

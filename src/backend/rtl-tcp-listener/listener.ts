import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { PassbandError } from '../../errors.ts';
import { remoteAddress } from '../../remote-address.ts';
import type { Material } from '../../trust/material.ts';
import type { Reloadable } from '../../trust/reloadable.ts';
import type { Clock } from '../clock.ts';
import type { CallGuard } from '../door/call-guard.ts';
import type { AdmitConnection } from '../door/connection-admission.ts';
import { openTlsDoor, type TlsDoor } from '../door/tls-door.ts';
import type { ConnectionMetrics } from '../metrics.ts';
import type { Station } from '../stations/station.ts';
import type { RtlTcpListenerConfig } from '../stations/station-config.ts';
import { isLoopback } from '../stations/station-settings.ts';
import { askToRead } from './guarded-client.ts';
import { type ClientContext, ListenerClient } from './listener-client.ts';
import { openPlainDoor } from './plain-door.ts';
import { SampleFeed } from './sample-feed.ts';

/** Clients of one listener at a time; each may have 2 MiB waiting. */
export const MAX_CLIENTS = 16;
/** Milliseconds until an address that could not be listened on is tried again. */
export const LISTEN_AGAIN_MS = 5_000;

/** What listeners are made with. */
export interface ListenerContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly material: Reloadable<Material<'backend'>>;
  readonly admit: AdmitConnection;
  readonly guard: CallGuard;
  readonly metrics: ConnectionMetrics;
}

/** Gives one station's samples to programs that speak rtl_tcp, from when it is made until it is closed. */
export class RtlTcpListener {
  readonly #station: Station;
  readonly #config: RtlTcpListenerConfig;
  readonly #context: ListenerContext;
  readonly #log: Logger;
  readonly #feed: SampleFeed;
  #door: TlsDoor | undefined;
  #cancelRetry = (): void => {};
  #isClosed = false;

  /** Listens as soon as it can; why it cannot is in the log. */
  constructor(station: Station, config: RtlTcpListenerConfig, context: ListenerContext) {
    const { host, port, tls } = config;
    this.#station = station;
    this.#config = config;
    this.#context = context;
    this.#log = context.log.child({ station: station.id });
    this.#feed = new SampleFeed(station.hub);
    if (tls || isLoopback(host)) this.#listen(true);
    else this.#log.error({ host, port }, 'an rtl_tcp listener without TLS is for this machine alone: none is opened');
  }

  /** Listens no more, and cuts the clients that are left. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#door?.stopAccepting();
    this.#door?.cutAll();
  }

  #listen(isFirst: boolean): void {
    const { host, tls } = this.#config;
    this.#open().then(
      (door) => {
        this.#door = door;
        if (this.#isClosed) this.close();
        else this.#log.info({ host, port: door.port, tls }, 'rtl_tcp listener listens');
      },
      (error: unknown) => {
        if (this.#isClosed) return;
        if (isFirst) this.#log.error({ err: error, ...this.#config }, cannotListen(this.#station.id));
        this.#cancelRetry = this.#context.clock.after(LISTEN_AGAIN_MS, () => this.#listen(false));
      },
    );
  }

  #open(): Promise<TlsDoor> {
    const { host, port, tls } = this.#config;
    const { log, material, metrics } = this.#context;
    const listening = { host, port, log, metrics, maxConnections: MAX_CLIENTS };
    if (!tls) return openPlainDoor({ ...listening, onConnection: (socket) => this.#serve(socket, {}) });
    return openTlsDoor({
      ...listening,
      material,
      protocol: 'any',
      // How many connections are open is a figure of the gRPC listener.
      metrics: { ...metrics, open: () => {} },
      onSecure: (socket) => this.#ask(socket),
    });
  }

  #ask(socket: TLSSocket): void {
    const { admit, guard } = this.#context;
    const admitted = admit(socket);
    if (admitted === undefined) return;
    if (admitted.fault !== undefined) {
      socket.destroy();
      return;
    }
    askToRead(socket, admitted.connection, this.#station, guard, (right) => this.#serve(socket, { right }));
  }

  #serve(socket: Socket, given: Pick<ClientContext, 'right'>): void {
    const remote = remoteAddress(socket.remoteAddress);
    const log = this.#log.child({ remote, remotePort: socket.remotePort });
    const { clock } = this.#context;
    try {
      const client = new ListenerClient(socket, { station: this.#station, feed: this.#feed, clock, log, ...given });
      log.info('an rtl_tcp client is served');
      socket.once('close', () => log.info(client.totals, 'an rtl_tcp client is gone'));
    } catch (error) {
      log.warn({ reason: PassbandError.from(error).publicMessage, err: error }, 'an rtl_tcp client was turned away');
      socket.destroy();
    }
  }
}

const cannotListen = (stationId: string): string =>
  `the rtl_tcp listener of station ${stationId} cannot listen; free its port or change rtl_tcp_listener; it is tried again every ${LISTEN_AGAIN_MS / 1000} s`;

import type { Station } from '../stations/station.ts';
import type { StationsObserver } from '../stations/stations.ts';
import { type ListenerContext, RtlTcpListener } from './listener.ts';

/** The rtl_tcp listeners of all stations that have one: opened and closed with their station. */
export class RtlTcpListeners implements StationsObserver {
  readonly #context: ListenerContext;
  readonly #listeners = new Map<Station, RtlTcpListener>();

  constructor(context: ListenerContext) {
    this.#context = context;
  }

  opened(station: Station): void {
    const { rtlTcpListener } = station.config;
    if (rtlTcpListener === undefined) return;
    this.#listeners.set(station, new RtlTcpListener(station, rtlTcpListener, this.#context));
  }

  closed(station: Station): void {
    this.#listeners.get(station)?.close();
    this.#listeners.delete(station);
  }

  /** Closes all of them. */
  close(): void {
    for (const station of [...this.#listeners.keys()]) this.closed(station);
  }
}

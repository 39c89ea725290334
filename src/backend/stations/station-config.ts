import type { AntennaConfig } from '../antenna/config.ts';
import type { SourceConfig } from '../iq/sources/config.ts';
import type { Site } from './site.ts';

/** What a station is called and what is known of it besides its source. */
export interface StationFacts {
  readonly stationId: string;
  readonly description: string;
  readonly band?: string;
  /** Samples in a frame unless a reader asks otherwise; DEFAULT_BATCH_SIZE when absent. */
  readonly batchSizeSamples?: number;
  /** Power in dBm of a tone at 0 dBFS, where the source is calibrated. */
  readonly fullScaleDbm?: number;
  /** Where the antenna stands. */
  readonly site?: Site;
  readonly antenna?: AntennaConfig;
  readonly ring?: RingConfig;
  readonly rtlTcpListener?: RtlTcpListenerConfig;
}

/** Size of a ring of recent samples: the smaller of the two holds. */
export interface RingConfig {
  readonly seconds?: number;
  readonly bytes?: number;
}

/** A listener that speaks rtl_tcp to existing programs. */
export interface RtlTcpListenerConfig {
  readonly host: string;
  readonly port: number;
  /** TLS with a client certificate, decided on by the policy. */
  readonly tls: boolean;
}

/** A station as it is declared. */
export interface StationConfig extends StationFacts {
  readonly source: SourceConfig;
  /** What it was read from, by the names of sdr.oran.Station; absent where a program made it. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

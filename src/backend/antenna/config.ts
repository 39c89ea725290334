/** A simulated azimuth-elevation mount; absent members have the defaults that station.proto states. */
export interface SimulatedMountConfig {
  /** Greatest speeds of the axes, degrees per second. */
  readonly azimuthRateDegS?: number;
  readonly elevationRateDegS?: number;
  /** Ends of the axes, degrees. */
  readonly minAzimuthDeg?: number;
  readonly maxAzimuthDeg?: number;
  readonly minElevationDeg?: number;
  readonly maxElevationDeg?: number;
}

/** A rotctld server of Hamlib. */
export interface RotctldConfig {
  readonly host: string;
  readonly port: number;
}

/** What moves a station's antenna. */
export type AntennaConfig =
  | ({ readonly kind: 'simulated' } & SimulatedMountConfig)
  | ({ readonly kind: 'rotctld' } & RotctldConfig);

/** A place on the Earth, WGS 84. */
export interface Site {
  /** Degrees, north positive. */
  readonly latitudeDeg: number;
  /** Degrees, east positive. */
  readonly longitudeDeg: number;
  /** Metres above the ellipsoid. */
  readonly altitudeM: number;
  /** UT1 - UTC in seconds, as the IERS publishes it; absent means that the two are taken for the same. */
  readonly ut1UtcS?: number;
}

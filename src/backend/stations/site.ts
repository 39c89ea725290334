/** A place on the Earth, WGS 84. */
export interface Site {
  /** Degrees, north positive. */
  readonly latitudeDeg: number;
  /** Degrees, east positive. */
  readonly longitudeDeg: number;
  /** Metres above the ellipsoid. */
  readonly altitudeM: number;
}

/** How far a mount's axes reach. The azimuth counts on past a turn as the cable winds up: 350 and -10 are two places. */
export interface MountLimits {
  readonly minAzimuthDeg: number;
  readonly maxAzimuthDeg: number;
  readonly minElevationDeg: number;
  readonly maxElevationDeg: number;
}

/** A direction in the sky. */
export interface Direction {
  readonly azimuthDeg: number;
  readonly elevationDeg: number;
}

const RADIANS = Math.PI / 180;

/** An azimuth as 0 up to 360. */
export function compassDeg(azimuthDeg: number): number {
  const rest = azimuthDeg % 360;
  // + 0: no negative zero. Of a tiny negative number, adding 360 gives 360 itself.
  return rest < 0 ? (rest + 360) % 360 : rest + 0;
}

/** The way from one azimuth to another, the shorter way round: -180 up to 180. */
export function turnDeg(fromDeg: number, toDeg: number): number {
  const turn = compassDeg(toDeg - fromDeg);
  return turn > 180 ? turn - 360 : turn;
}

/** Places of the azimuth axis, within its limits, that look into an azimuth; in ascending order. */
export function axisPlaces(azimuthDeg: number, { minAzimuthDeg, maxAzimuthDeg }: MountLimits): number[] {
  const places: number[] = [];
  const first = minAzimuthDeg + compassDeg(azimuthDeg - minAzimuthDeg);
  for (let place = first; place <= maxAzimuthDeg; place += 360) places.push(place);
  return places;
}

/** The place for an azimuth with the least way from where the axis is; undefined where the limits allow none. */
export function nearestPlace(azimuthDeg: number, axisDeg: number, limits: MountLimits): number | undefined {
  const places = axisPlaces(azimuthDeg, limits);
  return places.sort((a, b) => Math.abs(a - axisDeg) - Math.abs(b - axisDeg))[0];
}

/** Angle between two directions, degrees. */
export function angleBetween(a: Direction, b: Direction): number {
  // Haversines: exact for small angles, where an arc cosine is not.
  const half = (deg: number): number => Math.sin((deg * RADIANS) / 2) ** 2;
  const cosines = Math.cos(a.elevationDeg * RADIANS) * Math.cos(b.elevationDeg * RADIANS);
  const h = half(a.elevationDeg - b.elevationDeg) + cosines * half(a.azimuthDeg - b.azimuthDeg);
  return (2 * Math.asin(Math.min(1, Math.sqrt(h)))) / RADIANS;
}

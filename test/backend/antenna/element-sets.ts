import { parseTle, type Tle } from '../../../src/backend/antenna/tle.ts';

/** Real element sets, most of them from the verification set of AIAA 2006-6753. */
export const REAL = {
  'ISS, a low orbit': [
    '1 25544U 98067A   20194.88612269 -.00002218  00000-0 -31515-4 0  9992',
    '2 25544  51.6461 221.2784 0001413  89.1723 280.4612 15.49507896236008',
  ],
  'Vanguard 1, an eccentric low orbit': [
    '1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753',
    '2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667',
  ],
  'GPS, a medium orbit': [
    '1 28129U 03058A   06175.57071136 -.00000104  00000-0  10000-3 0   459',
    '2 28129  54.7298 324.8098 0048506 266.2640  93.1663  2.00562768 18443',
  ],
  'a geostationary orbit': [
    '1 28626U 05008A   06176.46683397 -.00000205  00000-0  10000-3 0  2190',
    '2 28626   0.0019 286.9433 0000335  13.7918  55.6504  1.00270176  4891',
  ],
  'Molniya, a highly elliptical orbit': [
    '1 08195U 75081A   06176.33215444  .00000099  00000-0  11873-3 0   813',
    '2 08195  64.1586 279.0717 6877146 264.7651  20.2257  2.00491383225656',
  ],
} as const;

/** The last character of a line: its checksum. */
export function withChecksum(line: string): string {
  const body = line.slice(0, 68);
  const sum = [...body].reduce((total, c) => total + (c === '-' ? 1 : /\d/.test(c) ? Number(c) : 0), 0);
  return `${body}${sum % 10}`;
}

export interface Elements {
  readonly inclinationDeg: number;
  readonly nodeDeg: number;
  readonly eccentricity?: number;
  readonly perigeeDeg?: number;
  readonly anomalyDeg: number;
  readonly meanMotion: number;
}

/** A made-up element set of 2026-01-01T00:00:00Z, when the manual clock begins. */
export function madeUp(elements: Elements): Tle {
  const { inclinationDeg, nodeDeg, eccentricity = 0.0005, perigeeDeg = 0, anomalyDeg, meanMotion } = elements;
  const angle = (value: number): string => value.toFixed(4).padStart(8);
  const digits = eccentricity.toFixed(7).slice(2);
  const motion = meanMotion.toFixed(8).padStart(11);
  return parseTle(
    withChecksum('1 99999U 26001A   26001.00000000  .00000000  00000-0  00000-0 0  999 '),
    withChecksum(
      `2 99999 ${angle(inclinationDeg)} ${angle(nodeDeg)} ${digits} ${angle(perigeeDeg)} ${angle(anomalyDeg)} ${motion}    1 `,
    ),
  );
}

import type { RtlTcpHeader } from '../../rtl-tcp-protocol.ts';

/** Number of the tuner chip R820T in the driver. */
export const R820T = 5;

const R82XX = [
  0, 9, 14, 27, 37, 77, 87, 125, 144, 157, 166, 197, 207, 229, 254, 280, 297, 328, 338, 364, 372, 386, 402, 421, 434,
  439, 445, 480, 496,
];

/** Gains that each tuner has, tenths of a decibel, by its number in the driver (librtlsdr.c, rtlsdr_get_tuner_gains). */
const GAINS: ReadonlyMap<number, readonly number[]> = new Map([
  // E4000
  [1, [-10, 15, 40, 65, 90, 115, 140, 165, 190, 215, 240, 290, 340, 420]],
  // FC0012
  [2, [-99, -40, 71, 179, 192]],
  // FC0013
  [3, [-99, -73, -65, -63, -60, -58, -54, 58, 61, 63, 65, 67, 68, 70, 71, 179, 181, 182, 184, 186, 188, 191, 197]],
  // FC2580
  [4, [0]],
  [R820T, R82XX],
  // R828D
  [6, R82XX],
]);

/** How many steps of gain a tuner has by the driver's tables; 0 for one that they do not know. */
export const gainCountOf = (tunerType: number): number => GAINS.get(tunerType)?.length ?? 0;

/**
 * The gain to ask a server for, tenths of a decibel: the nearest that its tuner has, or what was asked for where the
 * tuner is not known (or has another number of gains than the table: it is another tuner then).
 */
export function nearestGainTenths(gainDb: number, { tunerType, gainCount }: RtlTcpHeader): number {
  const wanted = gainDb * 10;
  const gains = GAINS.get(tunerType);
  if (gains === undefined || gains.length !== gainCount) return Math.round(wanted);
  return gains.reduce((best, gain) => (Math.abs(gain - wanted) < Math.abs(best - wanted) ? gain : best));
}

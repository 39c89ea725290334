import { toneResponse, type WindowName } from './windows.ts';

/** A local maximum of a spectrum, between bins. */
export interface Peak {
  /** Position in bins, with a fraction. */
  readonly bin: number;
  /** Linear power of a tone there. */
  readonly power: number;
}

/** Halvings of the interval in which a tone's offset is looked for: to a millionth of a bin. */
const HALVINGS = 20;

/**
 * Where a tone lies of which a bin is the strongest: the ratio to the stronger neighbour says how far from the bin, for the
 * window's main lobe is known. For a lone tone this is exact; noise and neighbours falsify it as they do the bins.
 *
 * @param powers linear, of the whole band: the first and the last bin are neighbours.
 */
export function interpolatePeak(powers: Float64Array, bin: number, window: WindowName): Peak {
  const size = powers.length;
  const at = (i: number): number => powers[(i + size) % size] ?? 0;
  const power = at(bin);
  const side = at(bin + 1) >= at(bin - 1) ? 1 : -1;
  const neighbour = at(bin + side);
  // Beside a stronger bin there is no peak; in silence none either.
  if (power === 0 || neighbour > power) return { bin, power };
  const wanted = Math.sqrt(neighbour / power);
  let [low, high] = [0, 0.5];
  for (let i = 0; i < HALVINGS; i++) {
    const offset = (low + high) / 2;
    const ratio = Math.abs(toneResponse(window, 1 - offset, size) / toneResponse(window, offset, size));
    if (ratio < wanted) low = offset;
    else high = offset;
  }
  const offset = (low + high) / 2;
  return { bin: bin + side * offset, power: power / toneResponse(window, offset, size) ** 2 };
}

/** The strongest local maxima among the bins from `firstBin` on, the strongest first; side lobes and noise have them too. */
export function strongestPeaks(
  powers: Float64Array,
  { firstBin, bins }: { readonly firstBin: number; readonly bins: number },
  window: WindowName,
  count: number,
): Peak[] {
  const size = powers.length;
  const maxima: number[] = [];
  for (let i = firstBin; count > 0 && i < firstBin + bins; i++) {
    const power = powers[i] ?? 0;
    if (power > (powers[(i + size - 1) % size] ?? 0) && power >= (powers[(i + 1) % size] ?? 0)) maxima.push(i);
  }
  maxima.sort((a, b) => (powers[b] ?? 0) - (powers[a] ?? 0));
  // Between bins the order may be another than on them, by what a window loses there.
  const candidates = maxima.slice(0, 2 * count).map((bin) => interpolatePeak(powers, bin, window));
  return candidates.sort((a, b) => b.power - a.power).slice(0, count);
}

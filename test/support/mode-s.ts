/** A Mode S frame whose CRC is right. */
export interface ModeSFrame {
  /** Its bytes in hex: 14 digits for 56 bits, 28 for 112. */
  readonly hex: string;
  /** Sample at which its preamble begins. */
  readonly sampleIndex: number;
}

/** Samples of the 8 us preamble at 2 MS/s. */
const PREAMBLE = 16;
const LONG_BITS = 112;
/** Generator of the CRC of Mode S (ICAO Annex 10 volume IV, 3.1.2.3.3), without its leading one. */
const POLYNOMIAL = 0xfff409;

/** The CRC-24 over all but the last three bytes. */
export function crc24(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes.subarray(0, -3)) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ ((crc & 0x800000) === 0 ? 0 : POLYNOMIAL)) & 0xffffff;
  }
  return crc;
}

/** Whether the last three bytes are the CRC of the others, as they are in what an aircraft sends of its own accord. */
export function isClean(bytes: Uint8Array): boolean {
  const parity = bytes.subarray(-3).reduce((value, byte) => value * 256 + byte, 0);
  return bytes.length > 3 && crc24(bytes) === parity && bytes.some((byte) => byte !== 0);
}

/**
 * Demodulates cu8 samples at 2 MS/s: an 8 us preamble with pulses at 0, 1, 3.5 and 4.5 us, then bits of 1 us, the first
 * half louder for a one. No error correction and no phase correction: frames that need them are not found.
 */
export function demodulate(cu8: Uint8Array): ModeSFrame[] {
  const level = Float32Array.from({ length: cu8.length / 2 }, (_, i) =>
    Math.hypot((cu8[2 * i] ?? 0) - 127.5, (cu8[2 * i + 1] ?? 0) - 127.5),
  );
  const frames: ModeSFrame[] = [];
  for (let at = 0; at + PREAMBLE + 2 * LONG_BITS <= level.length; at++) {
    if (!isPreamble(level.subarray(at, at + PREAMBLE))) continue;
    const bits = level.subarray(at + PREAMBLE, at + PREAMBLE + 2 * LONG_BITS);
    const long = Uint8Array.from({ length: LONG_BITS / 8 }, (_, index) => byteOf(bits.subarray(16 * index)));
    // Downlink formats from 16 up are long.
    const frame = (long[0] ?? 0) >= 0x80 ? long : long.subarray(0, 7);
    if (!isClean(frame)) continue;
    frames.push({ hex: Buffer.from(frame).toString('hex'), sampleIndex: at });
    at += PREAMBLE + 16 * frame.length - 1;
  }
  return frames;
}

function byteOf(halves: Float32Array): number {
  let byte = 0;
  for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | ((halves[2 * bit] ?? 0) > (halves[2 * bit + 1] ?? 0) ? 1 : 0);
  return byte;
}

/** Pulses at samples 0, 2, 7 and 9 stand above what is beside them. */
function isPreamble(level: Float32Array): boolean {
  const [p0 = 0, p1 = 0, p2 = 0, p3 = 0, p4 = 0, p5 = 0, p6 = 0, p7 = 0, p8 = 0, p9 = 0] = level;
  const edges = p0 > p1 && p1 < p2 && p2 > p3 && p7 > p8 && p8 < p9 && p9 > p6;
  return edges && p3 < p0 && p4 < p0 && p5 < p0 && p6 < p0;
}

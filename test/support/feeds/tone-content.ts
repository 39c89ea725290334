import type { Datatype } from '../../../src/backend/iq/formats.ts';

/** Samples a second of the content. */
export const RATE_HZ = 250_000;
/** Above the centre; no simple part of the rate, so that rounding to 8 bits makes noise and no lines. */
export const TONE_HZ = 41_777;
/** Samples of the content. */
const SAMPLES = 130_000;

// Bound once: in a hot loop a global is looked up anew each time (inside a vm context, slowly).
const { cos, sin, floor, imul, PI } = Math;

/** Full scale and zero of each datatype, as SigMF and rtl_tcp have them; not taken from the backend. */
const SCALES: Readonly<Record<Datatype, readonly [scale: number, zero: number]>> = {
  cf32_le: [1, 0],
  ci16_le: [32_767, 0],
  ci8: [127, 0],
  cu8: [127.5, 127.5],
};

/** A tone of half of full scale above a little noise, the same in every run; I, Q, I, Q, … */
export const TONE_FLOATS = makeTone();

function makeTone(): Float32Array {
  let state = 12_345;
  const noise = (): number => {
    state = (imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) / 100;
  };
  const floats = new Float32Array(2 * SAMPLES);
  for (let n = 0; n < SAMPLES; n++) {
    const phase = 2 * PI * (((n * TONE_HZ) % RATE_HZ) / RATE_HZ);
    floats[2 * n] = 0.5 * cos(phase) + noise();
    floats[2 * n + 1] = 0.5 * sin(phase) + noise();
  }
  return floats;
}

/** Numbers as a datatype has them: rounded half up, full scale at `zero` plus and minus `scale`. */
export function inDatatype(values: Float32Array, datatype: Datatype): Buffer {
  const [scale, zero] = SCALES[datatype];
  if (datatype === 'cf32_le') return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const numbers = new { ci16_le: Int16Array, ci8: Int8Array, cu8: Uint8Array }[datatype](values.length);
  for (let i = 0; i < values.length; i++) numbers[i] = floor((values[i] ?? 0) * scale + zero + 0.5);
  return Buffer.from(numbers.buffer);
}

const made = new Map<Datatype, Buffer>();

/** The whole content in a datatype. */
export function toneContent(datatype: Datatype): Buffer {
  const bytes = made.get(datatype) ?? inDatatype(TONE_FLOATS, datatype);
  made.set(datatype, bytes);
  return bytes;
}

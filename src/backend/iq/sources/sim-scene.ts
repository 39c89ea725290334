import type { Tuning } from './source.ts';

/** An unmodulated carrier. */
export interface SimCarrier {
  /** From the tuned centre, which it follows. What lies outside of the sampled band is not received. */
  readonly offsetHz: number;
  /** 0 dBFS is a complex tone of amplitude 1. */
  readonly powerDbfs: number;
}

/** A QPSK signal of random symbols, root-raised-cosine shaped with an excess bandwidth of 0.35. */
export interface SimQpsk extends SimCarrier {
  /** From MIN_SAMPLES_PER_SYMBOL to MAX_SAMPLES_PER_SYMBOL; 8 unless told. The bandwidth is rate / this * 1.35. */
  readonly samplesPerSymbol?: number;
}

/** A carrier that is frequency-modulated by a tone. */
export interface SimFm extends SimCarrier {
  /** Frequency of the modulating tone. */
  readonly toneHz: number;
  /** Peak deviation. */
  readonly deviationHz: number;
}

/** A carrier that is on for some time at the beginning of each period. */
export interface SimBurst extends SimCarrier {
  /** From one beginning to the next; periods count from sample 0. */
  readonly periodS: number;
  readonly onS: number;
}

/** The pass of a satellite over the station's site: all signals are its, Doppler shifted, and only heard above the horizon. */
export interface SimPass {
  readonly tleLine1: string;
  readonly tleLine2: string;
  /** What it sends on; the shift is computed for this frequency. */
  readonly downlinkFrequencyHz: number;
}

/** What the simulated antenna receives. */
export interface SimConfig extends Tuning {
  /** Any 32-bit integer. Equal seeds give equal samples. */
  readonly seed: number;
  /** Mean power of the white Gaussian noise in the whole sampled band, which is the sample rate; none when absent. */
  readonly noiseDbfs?: number;
  readonly carriers?: readonly SimCarrier[];
  readonly qpsk?: readonly SimQpsk[];
  readonly fm?: readonly SimFm[];
  readonly bursts?: readonly SimBurst[];
  /** Needs the station's site. */
  readonly pass?: SimPass;
}

/** Fewer would fold the signal's own edges into its middle. */
export const MIN_SAMPLES_PER_SYMBOL = 2;
/** A table of 2 KiB belongs to each sample of a symbol. */
export const MAX_SAMPLES_PER_SYMBOL = 64;
/** Signals of a scene: each takes its share of the processor for every sample. */
export const MAX_SIGNALS = 64;

/**
 * Signal-to-noise ratio of a scene in dB: the power of its first QPSK signal (where there is none: of its strongest
 * other) over that of the noise in the whole sampled band. Undefined without noise or signal.
 */
export function snrDbOf({ noiseDbfs, qpsk = [], carriers = [], fm = [], bursts = [] }: SimConfig): number | undefined {
  const others = [...carriers, ...fm, ...bursts].map(({ powerDbfs }) => powerDbfs);
  const signal = qpsk[0]?.powerDbfs ?? (others.length === 0 ? undefined : Math.max(...others));
  return noiseDbfs === undefined || signal === undefined ? undefined : signal - noiseDbfs;
}

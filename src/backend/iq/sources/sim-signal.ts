/** Consecutive samples over which the shift that all signals have is one frequency. */
export interface ShiftedRun {
  /** First number (not sample) of the block; and the number after the last. */
  readonly from: number;
  readonly end: number;
  /** Index of the first sample. */
  readonly sampleIndex: number;
  /** Phase of the shift at the first sample and its step, 32-bit fractions of a turn. */
  readonly phase: number;
  readonly step: number;
  /** The shift, for what it moves out of the band. */
  readonly shiftHz: number;
}

/** The shift that all signals of a scene have. */
export interface SceneShift {
  /** Gives the runs of one frequency that some samples consist of; what is left out is not received. */
  runs(sampleIndex: number, samples: number, each: (run: ShiftedRun) => void): void;
  /** Sample `sampleIndex` is received at this time, and those after it at this rate. */
  anchor(sampleIndex: number, timestampNs: bigint, sampleRateHz: number): void;
}

/** One signal of a scene: adds its samples, which are a pure function of their index. */
export interface SimSignal {
  add(samples: Float32Array, run: ShiftedRun): void;
}

/** Amplitude of a complex tone of a power. */
export const amplitude = (powerDbfs: number): number => 10 ** (powerDbfs / 20);

/** Whether a frequency lies outside of the band that a rate of complex samples has: it is not received then. */
export const isOutside = (offsetHz: number, rateHz: number): boolean => Math.abs(offsetHz) >= rateHz / 2;

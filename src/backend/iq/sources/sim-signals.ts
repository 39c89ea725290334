import { addTone, cosine, phaseAt, phaseOf, sine, TURN } from './phasor.ts';
import { QpskSignal } from './sim-qpsk.ts';
import type { SimBurst, SimCarrier, SimConfig, SimFm } from './sim-scene.ts';
import { amplitude, isOutside, type ShiftedRun, type SimSignal } from './sim-signal.ts';

/** The signals of a scene at a sample rate. */
export function signalsOf(config: SimConfig, rateHz: number): readonly SimSignal[] {
  const { qpsk = [], carriers = [], fm = [], bursts = [] } = config;
  return [
    ...qpsk.map((signal, i) => new QpskSignal(signal, rateHz, config.seed, i)),
    ...carriers.map((signal) => new Carrier(signal, rateHz)),
    ...fm.map((signal) => new FmSignal(signal, rateHz)),
    ...bursts.map((signal) => new Burst(signal, rateHz)),
  ];
}

class Carrier implements SimSignal {
  readonly #offsetHz: number;
  readonly #rateHz: number;
  readonly #gain: number;
  readonly #step: number;

  constructor({ offsetHz, powerDbfs }: SimCarrier, rateHz: number) {
    this.#offsetHz = offsetHz;
    this.#rateHz = rateHz;
    this.#gain = amplitude(powerDbfs);
    this.#step = phaseOf(offsetHz / rateHz);
  }

  add(samples: Float32Array, { from, end, sampleIndex, phase, step, shiftHz }: ShiftedRun): void {
    if (isOutside(this.#offsetHz + shiftHz, this.#rateHz)) return;
    const begin = (phaseAt(sampleIndex, this.#step) + phase) | 0;
    addTone(samples, from, end, this.#gain, begin, (this.#step + step) | 0);
  }
}

class Burst implements SimSignal {
  readonly #carrier: Carrier;
  readonly #period: number;
  readonly #on: number;

  constructor(signal: SimBurst, rateHz: number) {
    this.#carrier = new Carrier(signal, rateHz);
    this.#period = Math.max(1, Math.round(signal.periodS * rateHz));
    this.#on = Math.round(signal.onS * rateHz);
  }

  add(samples: Float32Array, run: ShiftedRun): void {
    const count = (run.end - run.from) / 2;
    let at = 0;
    while (at < count) {
      const into = (run.sampleIndex + at) % this.#period;
      if (into < this.#on) {
        const length = Math.min(count - at, this.#on - into);
        const from = run.from + 2 * at;
        const phase = (run.phase + phaseAt(at, run.step)) | 0;
        this.#carrier.add(samples, {
          ...run,
          from,
          end: from + 2 * length,
          sampleIndex: run.sampleIndex + at,
          phase,
        });
        at += length;
      } else at += this.#period - into;
    }
  }
}

class FmSignal implements SimSignal {
  readonly #signal: SimFm;
  readonly #rateHz: number;
  readonly #gain: number;
  readonly #step: number;
  readonly #toneStep: number;
  /** Peak of the phase that a tone of this deviation swings by. */
  readonly #swing: number;

  constructor(signal: SimFm, rateHz: number) {
    this.#signal = signal;
    this.#rateHz = rateHz;
    this.#gain = amplitude(signal.powerDbfs);
    this.#step = phaseOf(signal.offsetHz / rateHz);
    this.#toneStep = phaseOf(signal.toneHz / rateHz);
    // The integral of deviation * cos(2 pi tone t), in turns, is deviation / (2 pi tone) * sin(2 pi tone t).
    this.#swing = (signal.deviationHz / (2 * Math.PI * signal.toneHz)) * TURN;
  }

  add(samples: Float32Array, run: ShiftedRun): void {
    if (isOutside(this.#signal.offsetHz + run.shiftHz, this.#rateHz)) return;
    const step = (this.#step + run.step) | 0;
    const gain = this.#gain;
    let at = (phaseAt(run.sampleIndex, this.#step) + run.phase) | 0;
    let tone = phaseAt(run.sampleIndex, this.#toneStep);
    for (let i = run.from; i < run.end; i += 2) {
      const phase = (at + this.#swing * sine(tone)) | 0;
      samples[i] = (samples[i] ?? 0) + gain * cosine(phase);
      samples[i + 1] = (samples[i + 1] ?? 0) + gain * sine(phase);
      at = (at + step) | 0;
      tone = (tone + this.#toneStep) | 0;
    }
  }
}

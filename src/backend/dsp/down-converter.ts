import type { DecimationPlan } from './decimation-plan.ts';
import { FirStage } from './fir-stage.ts';
import { Mixer } from './mixer.ts';

/** Consecutive output samples. */
export interface Converted {
  /** Number of the first: output n stands for input n * decimation. */
  readonly firstIndex: number;
  /** Interleaved; good until the next call. */
  readonly samples: Float32Array<ArrayBuffer>;
}

/**
 * Tunes to a part of a band and decimates to it. Output n is a function of the input samples around n * decimation alone,
 * to the last bit, in whatever pieces they come and wherever it began: what was lost can be computed again.
 */
export class DownConverter {
  /** Input samples before and after number n * decimation that go into output n. */
  readonly reach: number;
  readonly #mixer: Mixer;
  readonly #stages: readonly FirStage[];
  #output = new Float32Array(0);
  #next = 0;

  constructor(plan: DecimationPlan, offsetHz: number, sampleRateHz: number) {
    this.reach = plan.reach;
    this.#mixer = new Mixer(offsetHz, sampleRateHz);
    this.#stages = plan.stages.map((stage) => new FirStage(stage));
  }

  /** Number of the input sample that is to come next. */
  get nextInput(): number {
    return this.#next;
  }

  /** Number of the output that comes next. */
  get nextOutput(): number {
    return this.#stages.at(-1)?.nextOutput ?? 0;
  }

  /** Forgets the samples that came: the next has this number. The first outputs are those that have all they need. */
  restart(inputIndex: number): void {
    this.#next = inputIndex;
    let index = inputIndex;
    for (const stage of this.#stages) {
      stage.restart(index);
      index = stage.nextOutput;
    }
  }

  /** Takes `count` further samples, interleaved. */
  push(samples: Float32Array, count: number): Converted {
    const [first] = this.#stages;
    if (first === undefined) throw new Error('a decimation has a stage at least');
    const { held, at } = first.room(count);
    this.#mixer.mix(this.#next, samples, count, held, at);
    this.#next += count;
    let given = count;
    for (const [i, stage] of this.#stages.entries()) {
      const following = this.#stages[i + 1];
      const outputs = stage.outputsAfter(given);
      if (following === undefined) return this.#emit(stage, given, outputs);
      const room = following.room(outputs);
      given = stage.advance(given, room.held, room.at);
    }
    throw new Error('unreachable: the last stage emits');
  }

  #emit(stage: FirStage, given: number, outputs: number): Converted {
    if (this.#output.length < 2 * outputs) this.#output = new Float32Array(2 * outputs);
    const firstIndex = stage.nextOutput;
    stage.advance(given, this.#output, 0);
    return { firstIndex, samples: this.#output.subarray(0, 2 * outputs) };
  }
}

import type { SourceConfig } from '../../../src/backend/iq/sources/config.ts';
import { SimGenerator } from '../../../src/backend/iq/sources/sim.ts';
import type { ManualClock } from '../../backend/manual-clock.ts';
import { SourceFeed, TUNING } from './source-feed.ts';
import { RATE_HZ, TONE_HZ } from './tone-content.ts';

const SCENE = { ...TUNING, seed: 5, noiseDbfs: -45, carriers: [{ offsetHz: TONE_HZ, powerDbfs: -6 }] };

/** A simulated receiver makes its own tone, and is given nothing but time. */
export class SimFeed extends SourceFeed {
  readonly source: SourceConfig = { kind: 'sim', ...SCENE };
  readonly #generator = new SimGenerator(SCENE);

  /** Its samples are numbered from its beginning: now. */
  constructor(clock: ManualClock) {
    super(clock, 'cf32_le');
    this.count();
  }

  override content(from: number, count: number): Buffer {
    const bytes = new Uint8Array(8 * count);
    this.#generator.fill(from, bytes);
    return Buffer.from(bytes.buffer);
  }

  /** A second of a stall is made up for, and not the 50 ms beyond it. */
  async lose(): Promise<number> {
    this.clock.stall(1050);
    return (50 * RATE_HZ) / 1000;
  }

  protected async send(): Promise<void> {}
}

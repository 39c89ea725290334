import type { Datatype } from '../../../src/backend/iq/formats.ts';
import type { SourceConfig } from '../../../src/backend/iq/sources/config.ts';
import type { ManualClock } from '../../backend/manual-clock.ts';
import type { RecordingFolder } from '../sigmf-recording.ts';
import { CHUNK, LOST, SourceFeed, TUNING } from './source-feed.ts';
import { RATE_HZ, toneContent } from './tone-content.ts';

/** Sample of the file behind the gap. */
const GAP_AT = 19 * CHUNK - 777;

/** A recording with a gap, played by the clock. */
export class SigmfFeed extends SourceFeed {
  readonly source: SourceConfig;

  private constructor(clock: ManualClock, datatype: Datatype, file: string) {
    super(clock, datatype);
    this.gap = { at: GAP_AT, lost: LOST };
    // Once for whoever comes first, so that it begins with its first sample.
    this.source = { kind: 'sigmf', file, loop: false };
  }

  static async make(clock: ManualClock, datatype: Datatype, folder: RecordingFolder): Promise<SigmfFeed> {
    const file = await folder.write(datatype, datatype, RATE_HZ, toneContent(datatype), [
      { 'core:sample_start': 0, 'core:global_index': 0, 'core:frequency': TUNING.centerFrequencyHz },
      { 'core:sample_start': GAP_AT, 'core:global_index': GAP_AT + LOST, 'core:frequency': TUNING.centerFrequencyHz },
    ]);
    return new SigmfFeed(clock, datatype, file);
  }

  /** Plays on until the gap is over. */
  async lose(): Promise<number> {
    while (this.due < GAP_AT + LOST) await this.give();
    return LOST;
  }

  protected async send(): Promise<void> {}
}

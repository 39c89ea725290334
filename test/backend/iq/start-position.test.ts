import { expect, it } from '@jest/globals';
import { startIndex } from '../../../src/backend/iq/download/start-position.ts';
import { StationHub } from '../../../src/backend/iq/hub.ts';
import { ManualClock } from '../manual-clock.ts';
import { HandSource, ORIGIN_NS, Sums } from './made-by-hand.ts';

it('begins at a time by the times that the samples have, also where the clock of their maker was set', () => {
  const source = new HandSource();
  const hub = new StationHub('s', source, new ManualClock(), new Sums());
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  source.make(100_000);
  // At 1 MS/s: by 80 ms, too little for another run.
  source.aheadNs = 80_000_000n;
  source.make(100_000);
  const at = (sample: number): number => {
    const timestampNs = ORIGIN_NS + BigInt(sample) * 1000n + (sample < 100_000 ? 0n : source.aheadNs);
    return startIndex(hub, { kind: 'time', timestampNs }, { decimation: 1, oldest: 0 });
  };
  expect([at(0), at(50_000), at(100_000), at(150_000)]).toEqual([0, 50_000, 100_000, 150_000]);
});

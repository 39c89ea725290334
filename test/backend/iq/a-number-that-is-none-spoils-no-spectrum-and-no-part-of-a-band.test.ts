import { expect, it } from '@jest/globals';
import { decimationNeeds } from '../../../src/backend/dsp/decimation-plan.ts';
import { FrameReader } from '../../../src/backend/iq/frames/frame-reader.ts';
import { StationHub } from '../../../src/backend/iq/hub.ts';
import { TunedStreams } from '../../../src/backend/iq/tuned/tuned-streams.ts';
import { type Measurement, MeasurementRun } from '../../../src/backend/spectrum/measurement.ts';
import type { SpectrumPlan } from '../../../src/backend/spectrum/plan.ts';
import type { PassbandError } from '../../../src/errors.ts';
import { ManualClock } from '../manual-clock.ts';
import { allOf, HandSource, Sums } from './made-by-hand.ts';

const SAMPLES = 8192;
/** Where the samples are spoilt: values (I or Q) that are no numbers, or infinite. */
const SPOILT = new Map([
  [2001, Number.NaN],
  [5000, Number.POSITIVE_INFINITY],
  [5001, Number.NEGATIVE_INFINITY],
]);

/** Samples of a tone; those that are spoilt are 0 or what spoils them. */
function tone(isSpoilt: boolean): Uint8Array {
  const values = Float32Array.from({ length: 2 * SAMPLES }, (_, i) => {
    if (SPOILT.has(i)) return isSpoilt ? (SPOILT.get(i) ?? 0) : 0;
    const angle = 2 * Math.PI * 0.05 * (i >> 1);
    return 0.5 * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
  return new Uint8Array(values.buffer);
}

function station(): { source: HandSource; hub: StationHub; sums: Sums } {
  const [source, sums] = [new HandSource('cf32_le', 'zmq'), new Sums()];
  const hub = new StationHub('s', source, new ManualClock(), sums);
  hub.join({ onSamples: () => undefined, onEnd: () => undefined });
  return { source, hub, sums };
}

/** A spectrum of all samples, and a part of the band of them, of a station that has such samples. */
async function seen(isSpoilt: boolean): Promise<{ powers: number[]; part: number[]; whole: Buffer; sums: Sums }> {
  const { source, hub, sums } = station();
  const plan: SpectrumPlan = {
    ...{ fftSize: 1024, averages: 15, window: 'hann', scaling: 'tone', detector: 'mean', encoding: 'float32' },
    ...{ omitFrequencies: true, peaks: 0, rateHz: 1, centerHz: undefined, spanHz: undefined, decimation: 1 },
  };
  const spectrum = new Promise<Measurement | PassbandError>((done) => {
    const run = new MeasurementRun(hub, plan, 0, done);
    hub.join({ onSamples: () => run.wake(), onEnd: () => undefined });
  });
  const opened = new TunedStreams(hub).open({ offsetHz: 0, decimation: 4 }, { kind: 'live' }, 64);
  opened.origin.join({ onSamples: () => undefined, onEnd: () => undefined });
  const reader = new FrameReader(opened.origin, opened.origin.shelves.borrow('cf32_le', 64), opened.from);
  const own = new FrameReader(hub, hub.shelves.borrow('cf32_le', SAMPLES), { kind: 'live' });
  source.make(SAMPLES, tone(isSpoilt));
  const measured = await spectrum;
  if (measured instanceof Error) throw measured;
  const floats = (data: Buffer): number[] => [...new Float32Array(Uint8Array.from(data).buffer)];
  return {
    powers: [...measured.powers],
    part: allOf(reader).flatMap(({ data }) => floats(data)),
    whole: allOf(own)[0]?.data ?? Buffer.alloc(0),
    sums,
  };
}

it('is taken as 0, and counted; readers of the samples themselves get it as it is', async () => {
  const [spoilt, clean] = [await seen(true), await seen(false)];
  expect(clean.powers.some((power) => power > 0)).toBe(true);
  expect(spoilt.powers).toEqual(clean.powers);
  expect(clean.part.length).toBeGreaterThan(2 * (SAMPLES / 4 - 64 - decimationNeeds(4).reach));
  expect(spoilt.part).toEqual(clean.part);
  expect(spoilt.whole.equals(Buffer.from(tone(true)))).toBe(true);
  // Each once by the filter, and once by both segments of the spectrum that it lies in.
  expect([spoilt.sums.valuesNotFinite, clean.sums.valuesNotFinite]).toEqual([9, 0]);
});

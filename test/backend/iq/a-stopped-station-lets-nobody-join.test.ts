import { expect, it } from '@jest/globals';
import type { Tap } from '../../../src/backend/iq/frames/frame-origin.ts';
import { SampleFeed } from '../../../src/backend/rtl-tcp-listener/sample-feed.ts';
import { SpectrumMeter } from '../../../src/backend/spectrum/meter.ts';
import { planSpectrum } from '../../../src/backend/spectrum/plan.ts';
import { Station } from '../../../src/backend/stations/station.ts';
import type { StationConfig } from '../../../src/backend/stations/station-config.ts';
import { PassbandError } from '../../../src/errors.ts';
import { ManualClock } from '../manual-clock.ts';
import { HandSource, Sums } from './made-by-hand.ts';

/** What the station is said to be; the source is one made by hand. */
const DECLARED: StationConfig = {
  stationId: 's',
  description: '',
  source: { kind: 'push', datatype: 'cu8', sampleRateHz: 1e6, centerFrequencyHz: 100e6 },
};
const TAP: Tap = { onSamples: () => undefined, onEnd: () => undefined };
const READER = { holder: 'oran-client', onMeasurement: () => undefined, onEnd: () => undefined, readerCount: () => 1 };
const STOPPED = new PassbandError('FAILED_PRECONDITION', 'station s is stopped; start it with StartStream');

const spectrumOf = (station: Station, span_hz: number): SpectrumMeter => {
  const asked = { station_id: 's', center_frequency_hz: 0, span_hz, fft_size: 64, averaging: 1, rate_hz: 1 };
  const [scaling, window] = ['SPECTRUM_SCALING_TONE', 'SPECTRUM_WINDOW_HANN'];
  const [detector, encoding] = ['SPECTRUM_DETECTOR_MEAN', 'SPECTRUM_ENCODING_FLOAT32'];
  const usual = { window, scaling, detector, encoding, omit_frequencies: true, peaks: 0 };
  return new SpectrumMeter(station, planSpectrum({ ...asked, ...usual }, station.hub.source.tuning), READER);
};

/** Every way to a station's samples, none of which has asked anybody before whether the station runs. */
const WAYS: Readonly<Record<string, (station: Station) => unknown>> = {
  'a reader': ({ hub }) => hub.join(TAP),
  'a reader of a part of its band': ({ tuned }) => tuned.open({ offsetHz: 0, decimation: 8 }, { kind: 'live' }, 64),
  'a spectrum': (station) => spectrumOf(station, 0),
  'a spectrum of a part of its band': (station) => spectrumOf(station, 100_000),
  'a client of rtl_tcp': ({ hub }) => new SampleFeed(hub).join({ block: () => undefined, end: () => undefined }),
};

it.each(Object.keys(WAYS))('%s is refused while the station is stopped, and its source stays as it is', (name) => {
  const source = new HandSource();
  const clock = new ManualClock();
  const station = new Station(DECLARED, source, clock, new Sums());
  const way = WAYS[name];
  station.stop();
  expect(() => way?.(station)).toThrow(STOPPED);
  expect([source.starts, station.hub.tapCount, clock.timers]).toEqual([0, 0, 0]);
  station.start({});
  way?.(station);
  expect(source.starts).toBe(1);
  station.stop();
  expect(() => way?.(station)).toThrow(STOPPED);
  station.start({});
  way?.(station);
  const removed = new PassbandError('UNAVAILABLE', 'the station was removed');
  station.close(removed);
  expect(() => way?.(station)).toThrow(removed);
  expect(source.starts).toBe(2);
});

it('a source that came to its end begins again for whoever comes', () => {
  const source = new HandSource();
  const station = new Station(DECLARED, source, new ManualClock(), new Sums());
  station.hub.join(TAP);
  station.hub.end('stopped');
  station.hub.join(TAP);
  expect(source.starts).toBe(2);
});

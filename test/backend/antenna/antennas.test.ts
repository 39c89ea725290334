import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Antennas } from '../../../src/backend/antenna/antennas.ts';
import { PredictedTarget } from '../../../src/backend/antenna/target.ts';
import type { TrackingOrder } from '../../../src/backend/antenna/tracker.ts';
import { createMetrics } from '../../../src/backend/metrics.ts';
import { openStations, type Stations } from '../../../src/backend/stations/stations.ts';
import { PassbandError } from '../../../src/errors.ts';
import { ManualClock } from '../manual-clock.ts';
import { STATIONS } from './antenna-stations.ts';

let stations: Stations;
afterEach(() => stations?.close(new PassbandError('UNAVAILABLE', 'the test is over')));

const order = (): TrackingOrder => {
  const target = new PredictedTarget();
  const timeMs = Number(ManualClock.START_NS / 1_000_000n);
  target.add({ timeMs, azimuthDeg: 10, elevationDeg: 20, rangeKm: 0, dopplerHz: 500 }, undefined);
  return { name: 'BIRD', target, minElevationDeg: 0 };
};

it('antennas come and go with their stations, and who follows with one is told', async () => {
  const clock = new ManualClock();
  stations = await openStations(STATIONS, { metrics: createMetrics().stations, log: pino({ enabled: false }), clock });
  const antennas = new Antennas(stations, clock);
  const idle = clock.timers;
  const ends: PassbandError[] = [];
  const dish = antennas.get('dish');
  dish.track(order(), (reason) => ends.push(reason));
  expect(clock.timers).toBeGreaterThan(idle);
  stations.remove('dish', new PassbandError('NOT_FOUND', 'station dish was removed'));
  expect(ends).toMatchObject([{ code: 'UNAVAILABLE', publicMessage: 'station dish has ended' }]);
  expect(clock.timers).toBe(idle);
  expect(() => antennas.get('dish')).toThrow(/there is no station dish/);

  const [config] = STATIONS;
  if (config === undefined) throw new Error('there are stations');
  await stations.open(config);
  expect(antennas.get('dish')).not.toBe(dish);
  expect(antennas.get('dish').tracker).toBeUndefined();
});

it('a tracker that is given back gives up the Doppler shift, and its place once', async () => {
  const clock = new ManualClock();
  stations = await openStations(STATIONS, { metrics: createMetrics().stations, log: pino({ enabled: false }), clock });
  const dish = new Antennas(stations, clock).get('dish');
  const { hub } = dish.station;
  const first = dish.track(order(), () => {});
  expect(hub.dopplerHzAt(hub.source.nextIndex())).toBe(500);
  clock.advance(1000);
  dish.release(first);
  expect(hub.dopplerHzAt(hub.source.nextIndex())).toBe(0);
  const second = dish.track(order(), () => {});
  // Given back a second time, the first one takes nothing from the second.
  dish.release(first);
  expect(dish.tracker).toBe(second);
});

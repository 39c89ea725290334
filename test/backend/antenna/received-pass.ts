import { setImmediate as turn } from 'node:timers/promises';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { expect } from '@jest/globals';
import { Orbit } from '../../../src/backend/antenna/orbit.ts';
import { findPasses, type Pass } from '../../../src/backend/antenna/passes.ts';
import type { Tle } from '../../../src/backend/antenna/tle.ts';
import { BackendUnderTest, type Message } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { madeUp } from './element-sets.ts';

const SITE = { latitudeDeg: 52.1, longitudeDeg: 13.2, altitudeM: 34 };
const START_MS = Number(ManualClock.START_NS / 1_000_000n);
const SAMPLE_RATE = 32_000;
/** A tenth of a second: the phase from one frame to the next tells frequencies up to 5 Hz. */
const BATCH = SAMPLE_RATE / 10;
const AMPLITUDE = 0.1;
/** Milliseconds for which it is tracked before. */
const LEAD_MS = 120_000;

/** A satellite at 500 km that climbs to 75 degrees soon after the manual clock begins. */
async function highPass(): Promise<{ readonly tle: Tle; readonly pass: Pass }> {
  const tle = madeUp({ inclinationDeg: 97.4, nodeDeg: 125, anomalyDeg: 0, meanMotion: 15.22 });
  const search = {
    orbit: new Orbit(tle),
    site: SITE,
    fromMs: START_MS,
    toMs: START_MS + 7_200_000,
    minElevationDeg: 0,
  };
  const [pass] = await findPasses(search, 1);
  if (pass === undefined) throw new Error('it comes');
  return { tle, pass };
}

/** Phase in turns and amplitude of what is left of the carrier, averaged over a frame. */
function carrierOf({ data }: Message): { readonly turns: number; readonly amplitude: number } {
  if (data === undefined) throw new Error('frames have samples');
  const samples = new Float32Array(new Uint8Array(data).buffer);
  let [re, im] = [0, 0];
  for (let i = 0; i < samples.length; i += 2) {
    re += samples[i] ?? 0;
    im += samples[i + 1] ?? 0;
  }
  const count = samples.length / 2;
  return { turns: Math.atan2(im, re) / (2 * Math.PI), amplitude: Math.hypot(re, im) / count };
}

/** What of a pass is received. */
export interface Reception {
  readonly carrierHz: number;
  /** Seconds before and after the closest approach. */
  readonly aroundS: number;
}

/**
 * A satellite is tracked over gRPC by its element set alone while a simulated radio receives it: the carrier must stay
 * within 1 Hz of the centre and the mount on the satellite.
 */
export async function receivePass({ carrierHz, aroundS }: Reception): Promise<void> {
  const { tle, pass } = await highPass();
  const clock = new ManualClock();
  const { line1: tleLine1, line2: tleLine2 } = tle;
  const backend = await BackendUnderTest.start({
    clock,
    stations: [
      {
        stationId: 'dish',
        description: '',
        site: SITE,
        antenna: { kind: 'simulated' },
        source: {
          kind: 'sim',
          seed: 1,
          sampleRateHz: SAMPLE_RATE,
          centerFrequencyHz: carrierHz,
          carriers: [{ offsetHz: 0, powerDbfs: 20 * Math.log10(AMPLITUDE) }],
          pass: { tleLine1, tleLine2, downlinkFrequencyHz: carrierHz },
        },
      },
    ],
  });
  try {
    const antenna = await backend.client('sdr.oran.AntennaControlService');
    const iq = await backend.client('sdr.oran.IQStreamService');
    const tcaMs = pass.tca.timeMs - START_MS;
    const beginMs = Math.max(pass.aos.timeMs - START_MS, tcaMs - aroundS * 1000);
    const endMs = Math.min(pass.los.timeMs - START_MS, tcaMs + aroundS * 1000);
    // Long before, so that the mount has turned to where the satellite is by then.
    clock.advance(Math.floor((beginMs - LEAD_MS) / 1000) * 1000);
    const statuses: Message[] = [];
    const tracking: ClientDuplexStream<object, Message> = antenna.raw.TrackSatellite?.();
    tracking.on('error', () => undefined).on('data', (status: Message) => statuses.push(status));
    tracking.write({ station_id: 'dish', satellite_name: 'BIRD', tle_line1: tleLine1, tle_line2: tleLine2 });
    while (statuses.length === 0) await turn();
    while (clock.nowMs() < beginMs - 5000) {
      clock.advance(1000);
      await turn();
    }
    const stream = iq.stream('SubscribeIQ', { station_id: 'dish', batch_size_samples: BATCH });
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('metadata', resolve));
    const frames = stream[Symbol.asyncIterator]();
    const offsets: { readonly hz: number; readonly amplitude: number; readonly atMs: number }[] = [];
    let before = 0;
    let pending = 0;
    while (clock.nowMs() < endMs) {
      clock.advance(100);
      // The first frame begins at a multiple of its length; what is cut off of it never comes.
      if (++pending < 3) continue;
      const { value } = await frames.next();
      pending--;
      const { turns, amplitude } = carrierOf(value);
      const turned = turns - before;
      before = turns;
      offsets.push({ hz: (turned - Math.round(turned)) * 10, amplitude, atMs: timeOf(value) });
    }
    tracking.cancel();
    stream.cancel();
    const heard = offsets.filter(({ atMs }) => atMs > beginMs + 500 && atMs < endMs - 500);
    expect(heard.length).toBeGreaterThan((endMs - beginMs) / 100 - 20);
    // At a frequency further off, the mean over a frame would be smaller: nothing hides behind whole turns.
    expect(Math.min(...heard.map(({ amplitude }) => amplitude))).toBeGreaterThan(0.99 * AMPLITUDE);
    expect(Math.max(...heard.map(({ hz }) => Math.abs(hz)))).toBeLessThan(1);

    const during = statuses.filter((status) => timeOf(status) > beginMs + 1000 && timeOf(status) < endMs - 1000);
    expect(during.length).toBeGreaterThan((endMs - beginMs) / 1000);
    for (const status of during) expect(status).toMatchObject({ is_tracking: true, target_visible: true, fault: '' });
    expect(Math.max(...during.map((status) => Number(status.tracking_error_deg)))).toBeLessThan(0.1);
    // The shift that is told is that of the satellite: it crosses zero at the closest approach and falls all the time.
    const shifts = during.map((status) => Number(status.target_doppler_hz));
    expect(shifts.toSorted((a, b) => b - a)).toEqual(shifts);
    for (const status of during) expect(Number(status.target_doppler_hz) > 0).toBe(timeOf(status) < tcaMs);
  } finally {
    await backend.stop();
  }
}

/** Milliseconds since the clock began. */
const timeOf = ({ timestamp_ns }: Message): number => Number(BigInt(String(timestamp_ns))) / 1e6 - START_MS;

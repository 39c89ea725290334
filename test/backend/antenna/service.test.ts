import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type BackendUnderTest, type Caller, type Message, refusal } from '../backend-under-test.ts';
import { ManualClock } from '../manual-clock.ts';
import { ELEMENTS, startAntennas } from './antenna-stations.ts';
import { TrackingClient } from './tracking-client.ts';

const NOW = ManualClock.START_NS;
const { tle_line1, tle_line2 } = ELEMENTS;

let backend: BackendUnderTest;
let clock: ManualClock;
let antenna: Caller;

beforeAll(async () => {
  ({ backend, clock } = await startAntennas());
  antenna = await backend.client('sdr.oran.AntennaControlService');
});
afterAll(() => backend?.stop());

const status = (station_id = 'dish'): Promise<Message> => antenna.unary('GetAntennaStatus', { station_id });

describe('PointAntenna', () => {
  it('answers when the mount has taken the command, and the mount gets there at its speed', async () => {
    expect(
      await antenna.unary('PointAntenna', {
        station_id: 'dish',
        azimuth_deg: 300,
        elevation_deg: 30,
        polarization_deg: 45,
      }),
    ).toMatchObject({
      success: true,
      actual_azimuth_deg: 0,
      actual_elevation_deg: 0,
      message: expect.stringContaining('dish'),
    });
    clock.advance(5000);
    const underWay = await status();
    // 60 degrees the short way round at 6 a second, 30 degrees up at 3 a second.
    expect(underWay).toMatchObject({ axis_azimuth_deg: -30, current_azimuth_deg: 330, current_elevation_deg: 15 });
    expect(underWay).toMatchObject({ target_azimuth_deg: 300, target_elevation_deg: 30, current_polarization_deg: 45 });
    expect(underWay).toMatchObject({ is_tracking: false, azimuth_motor_ok: true, elevation_motor_ok: true, fault: '' });
    expect(Number(underWay.azimuth_motor_current_a)).toBeGreaterThan(1);
    expect(Number(underWay.tracking_error_deg)).toBeGreaterThan(25);
    clock.advance(10_000);
    await status();
    clock.advance(10_000);
    const there = await status();
    expect(there).toMatchObject({ current_azimuth_deg: 300, current_elevation_deg: 30, tracking_error_deg: 0 });
    expect(Number(there.azimuth_motor_current_a)).toBeLessThan(0.5);
    expect(there.timestamp_ns).toBe(String(clock.wallNs()));
  });

  it.each<[string, object, RegExp]>([
    ['no such station', { station_id: 'moon' }, /^5: there is no station moon/],
    ['a station without antenna', { station_id: 'whip' }, /^9: station whip has no antenna/],
    ['a bad name', { station_id: '../x' }, /^3: station_id/],
    ['azimuth -1', { azimuth_deg: -1 }, /^3: azimuth_deg must be a number from 0 to 360 degrees$/],
    ['azimuth 360.5', { azimuth_deg: 360.5 }, /^3: azimuth_deg/],
    ['azimuth NaN', { azimuth_deg: Number.NaN }, /^3: azimuth_deg/],
    ['elevation -1', { elevation_deg: -1 }, /^3: elevation_deg must be a number from 0 to 90 degrees$/],
    ['elevation 91', { elevation_deg: 91 }, /^3: elevation_deg/],
    ['elevation Infinity', { elevation_deg: Number.POSITIVE_INFINITY }, /^3: elevation_deg/],
    ['polarisation 361', { polarization_deg: 361 }, /^3: polarization_deg must be a number from -360 to 360 degrees$/],
    [
      'an elevation that the mount does not reach',
      { station_id: 'rover', elevation_deg: 61 },
      /^11: the antenna of rover reaches azimuth -270 to 270 and elevation 0 to 60 degrees$/,
    ],
    [
      'an azimuth that it does not reach',
      { station_id: 'window', azimuth_deg: 80, elevation_deg: 9 },
      /^11: .* 90 to 270/,
    ],
    ['too low for it', { station_id: 'window', azimuth_deg: 100, elevation_deg: 1 }, /^11: .* elevation 5 to 90/],
  ])('refuses %s', async (_, request, message) => {
    expect(await refusal(antenna.unary('PointAntenna', { station_id: 'dish', ...request }))).toMatch(message);
  });
});

describe('ListPasses', () => {
  const list = (request: object): Promise<Message> =>
    antenna.unary('ListPasses', { station_id: 'whip', tle_line1, tle_line2, ...request });

  it('needs a site, not an antenna', async () => {
    const { passes, element_set_age_days } = await list({ downlink_frequency_hz: 437e6 });
    expect(element_set_age_days).toBeCloseTo(Number(clock.wallNs() - NOW) / 86_400e9, 9);
    expect((passes as Message[]).length).toBeGreaterThan(3);
    for (const pass of passes as Record<'aos' | 'tca' | 'los', Record<string, number>>[]) {
      expect(pass.aos.elevation_deg).toBeCloseTo(0, 4);
      expect(pass.aos.doppler_hz).toBeGreaterThan(3000);
      expect(pass.tca.doppler_hz).toBeCloseTo(0, 1);
      expect(pass.los.doppler_hz).toBeLessThan(-3000);
    }
  });

  it('begins when it is told', async () => {
    const { passes } = await list({});
    const [, second] = passes as { aos: { timestamp_ns: string } }[];
    const start_time_ns = String(BigInt(second?.aos.timestamp_ns ?? 0) - 60_000_000_000n);
    const { passes: later } = await list({ start_time_ns, hours: 0.1 });
    expect(later).toMatchObject([{ aos: { elevation_deg: expect.any(Number) }, sets_after: true }]);
  });

  it.each<[string, object, RegExp]>([
    ['a station without site', { station_id: 'rover' }, /^9: station rover has no site.*latitude and longitude$/],
    ['no elements', { tle_line1: '' }, /^3: tle_line1: is missing; add it$/],
    ['wrong elements', { tle_line2: tle_line2.replace('97.4', '97.5') }, /^3: tle_line2 column 69: checksum/],
    ['0.05 hours', { hours: 0.05 }, /^3: hours must be a number from 0.1 to 240 hours, or 0, which means 24$/],
    ['241 hours', { hours: 241 }, /^3: hours/],
    ['hours NaN', { hours: Number.NaN }, /^3: hours/],
    [
      'a least elevation of 90',
      { min_elevation_deg: 90 },
      /^3: min_elevation_deg must be a number from 0 to 89 degrees$/,
    ],
    ['a negative frequency', { downlink_frequency_hz: -1 }, /^3: downlink_frequency_hz must be .* 300000000000 Hz$/],
    ['a start in another century', { start_time_ns: '1' }, /^3: start_time_ns must be .* days from now$/],
    [
      'a start after the elements',
      { start_time_ns: String(NOW + 3660n * 86_400_000_000_000n) },
      /^3: satellite 99999 cannot/,
    ],
  ])('refuses %s', async (_, request, message) => {
    expect(await refusal(list(request))).toMatch(message);
  });
});

describe('TrackSatellite', () => {
  it.each<[string, object, RegExp]>([
    ['no such station', { station_id: 'moon', predicted_azimuth_deg: 1 }, /^5: /],
    ['a station without antenna', { station_id: 'whip', predicted_azimuth_deg: 1 }, /^9: station whip has no antenna/],
    ['nothing to follow', {}, /^3: an update needs predicted_azimuth_deg .* tle_line1 and tle_line2/],
    ['one line of two', { tle_line1 }, /^3: tle_line2: is missing; add it$/],
    ['elements where there is no site', { station_id: 'rover', tle_line1, tle_line2 }, /^9: station rover has no site/],
    ['wrong elements beside predictions', { predicted_azimuth_deg: 1, tle_line1: 'x', tle_line2 }, /^3: tle_line1/],
    [
      'azimuth 361',
      { predicted_azimuth_deg: 361 },
      /^3: predicted_azimuth_deg must be a number from 0 to 360 degrees$/,
    ],
    ['elevation NaN', { predicted_elevation_deg: Number.NaN }, /^3: predicted_elevation_deg .* -90 to 90 degrees$/],
    ['a negative range', { predicted_range_km: -1 }, /^3: predicted_range_km must be a number from 0 to 1000000 km$/],
    ['a shift of 11 MHz', { predicted_doppler_hz: 11e6 }, /^3: predicted_doppler_hz .* Hz$/],
    [
      'yesterday',
      { predicted_azimuth_deg: 1, timestamp_ns: String(NOW - 86_400_000_000_000n) },
      /^3: timestamp_ns .* s from now$/,
    ],
    [
      'a frequency of NaN',
      { predicted_azimuth_deg: 1, downlink_frequency_hz: Number.NaN },
      /^3: downlink_frequency_hz/,
    ],
    ['a least elevation of 90', { predicted_azimuth_deg: 1, min_elevation_deg: 90 }, /^3: min_elevation_deg/],
    [
      'a long name',
      { predicted_azimuth_deg: 1, satellite_name: 'x'.repeat(65) },
      /^3: satellite_name .* 64 characters/,
    ],
    ['a name of control characters', { predicted_azimuth_deg: 1, satellite_name: 'a\nb' }, /^3: satellite_name/],
  ])('refuses %s', async (_, update, message) => {
    const client = new TrackingClient(antenna, clock);
    client.send({ station_id: 'dish', ...update });
    const { code, details } = await client.end;
    expect(`${code}: ${details}`).toMatch(message);
    expect((await status()).is_tracking).toBe(false);
  });
});

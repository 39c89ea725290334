import { run } from '../../support/run.ts';

/** What python3-skyfield and python3-sgp4 make of satellites. Nothing is downloaded: the time scales come with skyfield. */
const SCRIPT = `
import sys, json
from datetime import datetime, timedelta, timezone
from sgp4.api import Satrec
from skyfield.api import EarthSatellite, load, wgs84
measured = load.timescale(builtin=True)
def answer(job):
    times = job.get('times', [])
    some = times[0] if times else job['from']
    # UT1 - UTC = 32.184 s + leap seconds - delta T: with that delta T the two are the same.
    day = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=some)
    leaps = round((measured.from_datetime(day).tai - measured.from_datetime(day).tt) * 86400 + 32.184
                  + measured.from_datetime(day).delta_t - 32.184 + measured.from_datetime(day).dut1)
    scale = measured if job['ut1'] == 'measured' else load.timescale(delta_t=32.184 + leaps, builtin=True)
    satellite = EarthSatellite(job['line1'], job['line2'], ts=scale)
    site = wgs84.latlon(job['site']['latitudeDeg'], job['site']['longitudeDeg'], elevation_m=job['site']['altitudeM'])
    def at(ms):
        whole, rest = divmod(ms, 86400000)
        day = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(days=int(whole))
        return scale.utc(day.year, day.month, day.day, 0, 0, rest / 1000)
    def look(ms):
        where = (satellite - site).at(at(ms))
        altitude, azimuth, distance = where.altaz()
        r, v = where.position.km, where.velocity.km_per_s
        return [azimuth.degrees, altitude.degrees, distance.km, float(r @ v) / distance.km]
    record = Satrec.twoline2rv(job['line1'], job['line2'])
    def teme(ms):
        error, r, v = record.sgp4(2440587.5, ms / 86400000)
        return [*r, *v]
    def looks(times):
        # All at once, which is many times faster than one by one.
        epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
        where = (satellite - site).at(scale.from_datetimes([epoch + timedelta(milliseconds=ms) for ms in times]))
        altitude, azimuth, distance = where.altaz()
        rate = (where.position.km * where.velocity.km_per_s).sum(axis=0) / distance.km
        return [list(each) for each in zip(azimuth.degrees, altitude.degrees, distance.km, rate)]
    def edge(low, high, least):
        # Bisected, since find_events is only good for half a second.
        rising = look(high)[1] >= least
        while high - low > 0.05:
            middle = (low + high) / 2
            if (look(middle)[1] >= least) == rising: high = middle
            else: low = middle
        return high
    result = { 'dut1': at(some).dut1, 'looks': looks(times) if times else [], 'teme': [teme(ms) for ms in times], 'events': [] }
    if 'from' in job:
        found, kinds = satellite.find_events(site, at(job['from']), at(job['to']), job['least'])
        ms = [t.utc_datetime().timestamp() * 1000 for t in found]
        result['events'] = [[int(k), look(m)[1] if k == 1 else edge(m - 3000, m + 3000, job['least'])] for k, m in zip(kinds, ms)]
    return result
print(json.dumps([answer(job) for job in json.load(sys.stdin)]))
`;

export interface SkyfieldJob {
  readonly line1: string;
  readonly line2: string;
  readonly site: { readonly latitudeDeg: number; readonly longitudeDeg: number; readonly altitudeM: number };
  /** UT1 as it is known to have been, or the same as UTC. */
  readonly ut1: 'measured' | 'utc';
  /** Milliseconds since 1970. */
  readonly times?: readonly number[];
  /** Where passes are looked for, above the least elevation. */
  readonly from?: number;
  readonly to?: number;
  readonly least?: number;
}

export interface SkyfieldAnswer {
  /** UT1 - UTC in seconds, as it counted. */
  readonly dut1: number;
  /** Azimuth and elevation in degrees, range in km, its rate in km/s. */
  readonly looks: readonly (readonly [number, number, number, number])[];
  /** Position and velocity in SGP4's own frame, by python3-sgp4. */
  readonly teme: readonly (readonly number[])[];
  /** Rising (0) and setting (2) with the time in milliseconds, culmination (1) with the elevation. */
  readonly events: readonly (readonly [number, number])[];
}

export async function askSkyfield(jobs: readonly SkyfieldJob[]): Promise<SkyfieldAnswer[]> {
  const { code, stdout, stderr } = await run('/usr/bin/python3', ['-c', SCRIPT], JSON.stringify(jobs));
  if (code !== 0) throw new Error(`skyfield: ${stderr}`);
  return JSON.parse(stdout);
}

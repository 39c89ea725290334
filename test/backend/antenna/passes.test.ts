// needs: skyfield
import { beforeAll, describe, expect, it } from '@jest/globals';
import { lookAngles, Orbit } from '../../../src/backend/antenna/orbit.ts';
import { findPasses, type Pass } from '../../../src/backend/antenna/passes.ts';
import { parseTle } from '../../../src/backend/antenna/tle.ts';
import { madeUp, REAL } from './element-sets.ts';
import { askSkyfield, type SkyfieldAnswer } from './skyfield.ts';

const HOUR_MS = 3_600_000;
const BERLIN = { latitudeDeg: 52.1, longitudeDeg: 13.2, altitudeM: 34 };
const SVALBARD = { latitudeDeg: 78.23, longitudeDeg: 15.4, altitudeM: 450 };

const ECCENTRIC_LOW = 'Vanguard 1, an eccentric low orbit';
const MOLNIYA = 'Molniya, a highly elliptical orbit';
const CASES = [
  { name: 'ISS, a low orbit', site: BERLIN, hours: 48, least: 0 },
  { name: 'ISS, a low orbit', site: BERLIN, hours: 48, least: 35 },
  { name: ECCENTRIC_LOW, site: { ...BERLIN, latitudeDeg: 20 }, hours: 48, least: 5 },
  { name: 'GPS, a medium orbit', site: BERLIN, hours: 48, least: 10 },
  { name: MOLNIYA, site: BERLIN, hours: 48, least: 0 },
  { name: MOLNIYA, site: SVALBARD, hours: 48, least: 60 },
] as const;

function searchOf({ name, site, hours, least }: (typeof CASES)[number]) {
  const [line1, line2] = REAL[name];
  const orbit = new Orbit(parseTle(line1, line2));
  const fromMs = Math.round(orbit.tle.epochMs) + 1_234_567;
  return { line1, line2, orbit, site, fromMs, toMs: fromMs + hours * HOUR_MS, minElevationDeg: least };
}

let answers: SkyfieldAnswer[];
beforeAll(async () => {
  answers = await askSkyfield(
    CASES.map((each) => {
      const { line1, line2, site, fromMs, toMs, minElevationDeg } = searchOf(each);
      return { line1, line2, site, ut1: 'utc' as const, from: fromMs, to: toMs, least: minElevationDeg };
    }),
  );
});

describe.each(CASES.map((each, i) => ({ ...each, i })))(
  '$name from $site.latitudeDeg, above $least',
  ({ i, ...each }) => {
    it('rises and sets when python3-skyfield says, to 10 ms, and culminates as high, to 0.001 degree', async () => {
      const { events = [] } = answers[i] ?? {};
      const passes = await findPasses(searchOf(each));
      const rises = passes.filter(({ risenBefore }) => !risenBefore).map(({ aos }) => aos.timeMs);
      const sets = passes.filter(({ setsAfter }) => !setsAfter).map(({ los }) => los.timeMs);
      const theirs = (wanted: number): number[] => events.filter(([kind]) => kind === wanted).map(([, value]) => value);
      expect(passes.length).toBeGreaterThan(1);
      for (const [kind, ours] of [
        [0, rises],
        [2, sets],
      ] as const) {
        expect(ours).toHaveLength(theirs(kind).length);
        ours.forEach((timeMs, at) => {
          expect(Math.abs(timeMs - (theirs(kind)[at] ?? 0))).toBeLessThan(10);
        });
      }
      const highest = passes.map(({ maxElevationDeg }) => maxElevationDeg);
      for (const elevationDeg of highest.slice(1, -1)) {
        expect(Math.min(...theirs(1).map((their) => Math.abs(their - elevationDeg)))).toBeLessThan(1e-3);
      }
    });
  },
);

/** What must hold of every pass, by looks at many times of it. */
function expectSound(orbit: Orbit, site: typeof BERLIN, least: number, pass: Pass): void {
  const { aos, tca, los } = pass;
  expect(aos.timeMs).toBeLessThan(los.timeMs);
  for (let part = 0; part <= 200; part++) {
    const look = lookAngles(orbit, site, aos.timeMs + ((los.timeMs - aos.timeMs) * part) / 200);
    expect(look.elevationDeg).toBeGreaterThan(least - 1e-6);
    expect(look.elevationDeg).toBeLessThan(pass.maxElevationDeg + 1e-6);
    expect(look.rangeKm).toBeGreaterThan(tca.rangeKm - 1e-6);
  }
}

describe('passes', () => {
  it('hold what they say at every time between rising and setting', async () => {
    for (const each of CASES) {
      const search = searchOf(each);
      for (const pass of await findPasses(search)) expectSound(search.orbit, each.site, each.least, pass);
    }
  });

  it('are found down to some seconds above the least elevation', async () => {
    const search = searchOf(CASES[0]);
    const [first] = await findPasses(search);
    const peak = first?.maxElevationDeg ?? 0;
    const [short] = await findPasses({ ...search, minElevationDeg: peak - 0.001 });
    expect(short?.los.timeMs).toBeLessThan((short?.aos.timeMs ?? 0) + 10_000);
    expect(short?.maxElevationDeg).toBeCloseTo(peak, 6);
  });

  const geostationary = (): Orbit => new Orbit(parseTle(...REAL['a geostationary orbit']));
  const below = (orbit: Orbit): typeof BERLIN => {
    // The site that sees it highest, found by asking.
    const longitudes = Array.from({ length: 360 }, (_, longitudeDeg) => ({ ...BERLIN, latitudeDeg: 0, longitudeDeg }));
    const up = (site: typeof BERLIN): number => lookAngles(orbit, site, orbit.tle.epochMs).elevationDeg;
    return longitudes.reduce((best, site) => (up(site) > up(best) ? site : best));
  };

  it('is one from begin to end for what never sets', async () => {
    const orbit = geostationary();
    const fromMs = orbit.tle.epochMs;
    const passes = await findPasses({
      orbit,
      site: below(orbit),
      fromMs,
      toMs: fromMs + 240 * HOUR_MS,
      minElevationDeg: 80,
    });
    expect(passes).toMatchObject([
      { risenBefore: true, setsAfter: true, aos: { timeMs: fromMs }, los: { timeMs: fromMs + 240 * HOUR_MS } },
    ]);
  });

  it('are none for what never rises', async () => {
    const orbit = geostationary();
    const site = { ...below(orbit), longitudeDeg: below(orbit).longitudeDeg - 180 };
    const fromMs = orbit.tle.epochMs;
    expect(await findPasses({ orbit, site, fromMs, toMs: fromMs + 240 * HOUR_MS, minElevationDeg: 0 })).toEqual([]);
    const equatorial = new Orbit(madeUp({ inclinationDeg: 1, nodeDeg: 0, anomalyDeg: 0, meanMotion: 15 }));
    const from = equatorial.tle.epochMs;
    const toMs = from + 24 * HOUR_MS;
    expect(await findPasses({ orbit: equatorial, site: SVALBARD, fromMs: from, toMs, minElevationDeg: 0 })).toEqual([]);
  });

  it('say where a search begins and ends within one', async () => {
    const search = searchOf(CASES[0]);
    const [pass] = await findPasses(search);
    if (pass === undefined) throw new Error('a pass');
    const [part] = await findPasses({ ...search, fromMs: pass.aos.timeMs + 1000, toMs: pass.los.timeMs - 1000 });
    expect(part).toMatchObject({ risenBefore: true, setsAfter: true, aos: { timeMs: pass.aos.timeMs + 1000 } });
    expect(part?.maxElevationDeg).toBeCloseTo(pass.maxElevationDeg, 6);
    expect(part?.tca.timeMs).toBeCloseTo(pass.tca.timeMs, 0);
  });

  it('come as many as are asked for', async () => {
    expect(await findPasses(searchOf(CASES[0]), 2)).toHaveLength(2);
  });

  it('cannot be found for a satellite that decays meanwhile', async () => {
    const orbit = new Orbit(
      parseTle(
        '1 28350U 04020A   06167.21788666  .16154492  76267-5  18678-3 0  8894',
        '2 28350  64.9977 345.6130 0024870 260.7578  99.9590 16.47856722116490',
      ),
    );
    const fromMs = orbit.tle.epochMs;
    const search = { orbit, site: BERLIN, fromMs, toMs: fromMs + 240 * HOUR_MS, minElevationDeg: 0 };
    await expect(findPasses(search)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^satellite 28350 cannot be predicted for 2006-06-\d\dT.*: /),
    });
  });
});

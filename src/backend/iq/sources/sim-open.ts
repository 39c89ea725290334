import { PassbandError, UsageError } from '../../../errors.ts';
import type { Clock } from '../../clock.ts';
import type { Site } from '../../stations/site.ts';
import { SimGenerator } from './sim.ts';
import { PassShift } from './sim-pass.ts';
import type { SimConfig } from './sim-scene.ts';

/** What a simulated receiver is given besides its scene. */
interface SimContext {
  readonly stationId: string;
  readonly clock: Clock;
  readonly site?: Site;
}

/**
 * Makes a simulated receiver.
 *
 * @throws UsageError that names the station, when its scene is empty, or when the pass has no site to pass over or wrong
 * elements.
 */
export function openSim(config: SimConfig, { stationId, clock, site }: SimContext): SimGenerator {
  const { pass } = config;
  if (pass === undefined) return new SimGenerator(config);
  if (site === undefined) throw new UsageError(`station ${stationId}: sim.pass needs the station's site; add it`);
  try {
    const shift = new PassShift(pass, site);
    shift.check(Number(clock.wallNs() / 1_000_000n));
    return new SimGenerator(config, shift);
  } catch (error) {
    if (!(error instanceof PassbandError)) throw error;
    throw new UsageError(`station ${stationId}: sim.pass: ${error.publicMessage}`, { cause: error });
  }
}

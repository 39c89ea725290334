import type { Fields } from '../../fields.ts';
import type { SimConfig } from './sim.ts';
import type { Tuning } from './source.ts';

const OFFSET = { min: -30.72e6, max: 30.72e6, unit: 'Hz' };
const POWER = { min: -300, max: 20, unit: 'dBFS' };
const SEED = { min: -(2 ** 31), max: 2 ** 31 - 1, unit: '(32-bit integer)' };

/** The settings of a simulated receiver. @throws FieldFault */
export function parseSim(fields: Fields, tuning: Tuning): SimConfig {
  const noiseDbfs = fields.number('noise_dbfs', POWER) ?? POWER.min;
  const [carrier] = fields.list('carriers').map((item) => {
    const parsed = {
      offsetHz: item.number('offset_hz', OFFSET) ?? 0,
      powerDbfs: item.number('power_dbfs', POWER) ?? 0,
    };
    item.done();
    return parsed;
  });
  const [qpsk] = fields.list('qpsk').map((item) => {
    const parsed = { powerDbfs: item.number('power_dbfs', POWER) ?? 0 };
    item.done();
    return parsed;
  });
  return {
    ...tuning,
    seed: fields.integer('seed', SEED) ?? 0,
    ...(carrier === undefined ? {} : { carrier }),
    ...(qpsk === undefined ? {} : { qpsk }),
    snrDb: (qpsk ?? carrier)?.powerDbfs === undefined ? 0 : ((qpsk ?? carrier)?.powerDbfs ?? 0) - noiseDbfs,
  };
}

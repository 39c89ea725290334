import { PassbandError } from '../../../errors.ts';
import { parseTle } from '../../antenna/tle.ts';
import type { NumberRange } from '../../field-checks.ts';
import { FieldFault, type Fields } from '../../stations/fields.ts';
import { FREQUENCY } from '../../stations/ranges.ts';
import type { SimConfig } from './sim-scene.ts';
import {
  MAX_SAMPLES_PER_SYMBOL,
  MAX_SIGNALS,
  MIN_SAMPLES_PER_SYMBOL,
  type SimCarrier,
  type SimPass,
} from './sim-scene.ts';
import type { Tuning } from './source.ts';

const SEED: NumberRange = { min: -(2 ** 31), max: 2 ** 31 - 1, unit: '(32-bit integer)' };
/** Half of the highest sample rate: beyond it no rate receives it. */
const OFFSET: NumberRange = { min: -30_720_000, max: 30_720_000, unit: 'Hz' };
/** From far below the noise of any receiver to a little over full scale, for who wants to see saturation. */
const POWER: NumberRange = { min: -300, max: 20, unit: 'dBFS' };
const SAMPLES_PER_SYMBOL: NumberRange = {
  min: MIN_SAMPLES_PER_SYMBOL,
  max: MAX_SAMPLES_PER_SYMBOL,
  unit: 'samples per symbol',
};
const TONE: NumberRange = { min: 0.01, max: 1_000_000, unit: 'Hz' };
const DEVIATION: NumberRange = { min: 0, max: 10_000_000, unit: 'Hz' };
const PERIOD: NumberRange = { min: 0.000_001, max: 86_400, unit: 's' };
const ON: NumberRange = { min: 0, max: 86_400, unit: 's' };

/**
 * The scene of a simulated receiver, by the names of sdr.oran.SimSource.
 *
 * @param station the settings around it: a pass needs their site.
 * @throws FieldFault
 */
export function parseSim(fields: Fields, tuning: Tuning, station: Fields): SimConfig {
  const noiseDbfs = fields.number('noise_dbfs', POWER);
  const pass = fields.record('pass');
  if (pass !== undefined && !station.has('site')) station.fail('site', 'is missing; sim.pass needs it, so add it');
  const carriers = fields.list('carriers').map((item) => finished(item, parseCarrier(item)));
  const qpsk = fields.list('qpsk').map((item) => {
    const samplesPerSymbol = item.integer('samples_per_symbol', SAMPLES_PER_SYMBOL);
    return finished(item, { ...parseCarrier(item), ...(samplesPerSymbol === undefined ? {} : { samplesPerSymbol }) });
  });
  const fm = fields.list('fm').map((item) =>
    finished(item, {
      ...parseCarrier(item),
      toneHz: item.need('tone_hz', item.number('tone_hz', TONE)),
      deviationHz: item.need('deviation_hz', item.number('deviation_hz', DEVIATION)),
    }),
  );
  const bursts = fields.list('bursts').map((item) => {
    const periodS = item.need('period_s', item.number('period_s', PERIOD));
    const onS = item.need('on_s', item.number('on_s', ON));
    if (onS > periodS) item.fail('on_s', 'must not be longer than period_s');
    return finished(item, { ...parseCarrier(item), periodS, onS });
  });
  const signals = carriers.length + qpsk.length + fm.length + bursts.length;
  if (signals === 0 && noiseDbfs === undefined) {
    fields.fail('noise_dbfs', 'is missing, and so is any signal (carriers, qpsk, fm, bursts); add one of them');
  }
  if (signals > MAX_SIGNALS) fields.fail('carriers', `and the other signals are more than ${MAX_SIGNALS} together`);
  return {
    ...tuning,
    seed: fields.integer('seed', SEED) ?? 0,
    ...(noiseDbfs === undefined ? {} : { noiseDbfs }),
    carriers,
    qpsk,
    fm,
    bursts,
    ...(pass === undefined ? {} : { pass: parsePass(pass) }),
  };
}

function parseCarrier(item: Fields): SimCarrier {
  return {
    offsetHz: item.number('offset_hz', OFFSET) ?? 0,
    powerDbfs: item.need('power_dbfs', item.number('power_dbfs', POWER)),
  };
}

function parsePass(fields: Fields): SimPass {
  const pass = finished(fields, {
    tleLine1: fields.need('tle_line1', fields.text('tle_line1')),
    tleLine2: fields.need('tle_line2', fields.text('tle_line2')),
    downlinkFrequencyHz: fields.need('downlink_frequency_hz', fields.number('downlink_frequency_hz', FREQUENCY)),
  });
  try {
    parseTle(pass.tleLine1, pass.tleLine2);
  } catch (error) {
    if (!(error instanceof PassbandError)) throw error;
    throw new FieldFault(fields.path, error.publicMessage);
  }
  return pass;
}

/** A value that was read from some fields, when nothing is left in them. */
function finished<T>(fields: Fields, value: T): T {
  fields.done();
  return value;
}

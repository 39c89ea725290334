import { FieldFault, type Fields } from '../stations/fields.ts';
import { PORT } from '../stations/ranges.ts';
import type { AntennaConfig } from './config.ts';

/** Port of rotctld unless told. */
const ROTCTLD_PORT = 4533;

/** What turns a mount of any size. */
const RATE = { min: 0.001, max: 100, unit: 'degrees/s' };
const AZIMUTH = { min: -720, max: 720, unit: 'degrees' };
const ELEVATION = { min: -5, max: 185, unit: 'degrees' };

/** The one rotor that the settings of an antenna name. @throws FieldFault */
export function parseAntenna(fields: Fields): AntennaConfig {
  const simulated = fields.record('simulated');
  const rotctld = fields.record('rotctld');
  fields.done();
  if ((simulated === undefined) === (rotctld === undefined)) {
    throw new FieldFault(fields.path, 'needs exactly one rotor: simulated or rotctld');
  }
  return simulated === undefined ? parseRotctld(fields.need('rotctld', rotctld)) : parseSimulated(simulated);
}

function parseRotctld(fields: Fields): AntennaConfig {
  const host = fields.need('host', fields.text('host'));
  const port = fields.integer('port', PORT) ?? ROTCTLD_PORT;
  fields.done();
  return { kind: 'rotctld', host, port };
}

function parseSimulated(fields: Fields): AntennaConfig {
  const given = {
    azimuthRateDegS: fields.number('azimuth_rate_deg_s', RATE),
    elevationRateDegS: fields.number('elevation_rate_deg_s', RATE),
    minAzimuthDeg: fields.number('min_azimuth_deg', AZIMUTH),
    maxAzimuthDeg: fields.number('max_azimuth_deg', AZIMUTH),
    minElevationDeg: fields.number('min_elevation_deg', ELEVATION),
    maxElevationDeg: fields.number('max_elevation_deg', ELEVATION),
  };
  fields.done();
  if ((given.minAzimuthDeg ?? -270) >= (given.maxAzimuthDeg ?? 270)) {
    fields.fail('max_azimuth_deg', 'must be greater than min_azimuth_deg');
  }
  if ((given.minElevationDeg ?? 0) >= (given.maxElevationDeg ?? 90)) {
    fields.fail('max_elevation_deg', 'must be greater than min_elevation_deg');
  }
  return { kind: 'simulated', ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

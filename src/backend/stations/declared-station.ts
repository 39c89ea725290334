import { resolve } from 'node:path';
import { Fields } from './fields.ts';
import type { StationConfig } from './station-config.ts';
import { parseStation } from './station-settings.ts';

/** Settings of a station by the names of sdr.oran.Station, as a stations file has them; without what the server sets. */
export type PlainStation = Readonly<Record<string, unknown>>;

/**
 * The station that settings declare.
 *
 * @param folder what a recording's relative path is relative to.
 * @param path where the settings are, for the fault.
 * @throws FieldFault
 */
export function declareStation(
  settings: PlainStation,
  folder: string,
  path: readonly (string | number)[] = [],
): StationConfig {
  const config = parseStation(new Fields(settings, path));
  const { source } = config;
  return {
    ...config,
    source: source.kind === 'sigmf' ? { ...source, file: resolve(folder, source.file) } : source,
    settings,
  };
}

import { text } from './setting-values.ts';
import type { Setting } from './settings.ts';

/** Where the radio services keep what they make, and what they may reach. */
export interface RadioConfig {
  /** Folder of what the backend makes: the stations file and recordings. */
  readonly data: string;
  /** The stations file; undefined means stations.yaml in `data`. */
  readonly stations: string | undefined;
  /** Hosts that stations made by calls may connect to. */
  readonly sourceHost: readonly string[];
}

const programs = ['up', 'backend'] as const;

/** The settings of the radio services. */
export const RADIO_SETTINGS: readonly Setting[] = [
  {
    key: 'data',
    name: 'data',
    argument: 'dir',
    help: 'folder of what the backend makes: stations.yaml and recordings',
    programs,
    byDefault: 'data',
    parse: text,
  },
  {
    key: 'stations',
    name: 'stations',
    argument: 'file',
    help: 'which stations there are (default: stations.yaml in the data folder; where there is none, two to try out)',
    programs,
    byDefault: undefined,
    parse: text,
  },
  // Whoever may create stations could make the backend knock at any door of its network otherwise.
  {
    key: 'sourceHost',
    name: 'source-host',
    argument: 'host',
    help: 'host that stations made by CreateStation may connect to besides loopback, repeatable',
    programs,
    repeatable: true,
    byDefault: undefined,
    parse: text,
  },
];

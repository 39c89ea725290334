import { many, one, optional, text, whole } from './setting-values.ts';
import type { SettingsOf } from './settings.ts';

/** Where the radio services keep what they make, and what they may reach. */
export interface RadioConfig {
  /** Folder of what the backend makes: the stations file and recordings. */
  readonly data: string;
  /** The stations file; undefined means stations.yaml in `data`. */
  readonly stations: string | undefined;
  /** Hosts that stations made by calls may connect to. */
  readonly sourceHost: readonly string[];
  /** Bytes of samples that recordings may take in all. */
  readonly recordingsQuotaBytes: number;
  /** Bytes that recordings leave free on the disk. */
  readonly recordingsMinFreeBytes: number;
}

/** Bytes of samples of all recordings unless told: two minutes of 10 MS/s cf32, three quarters of an hour of an RTL-SDR. */
export const DEFAULT_QUOTA_BYTES = 10 * 1024 ** 3;
/** Bytes that the disk keeps free unless told: a full one stops more than recordings, the audit journal first. */
export const DEFAULT_MIN_FREE_BYTES = 1024 ** 3;

const programs = ['up', 'backend'] as const;

/** The settings of the radio services. */
export const RADIO_SETTINGS: SettingsOf<RadioConfig> = {
  data: {
    name: 'data',
    argument: 'dir',
    help: 'folder of what the backend makes: stations.yaml and recordings',
    programs,
    byDefault: 'data',
    read: one(text),
  },
  stations: {
    name: 'stations',
    argument: 'file',
    help: 'which stations there are (default: stations.yaml in the data folder; where there is none, two to try out)',
    programs,
    byDefault: undefined,
    read: optional(text),
  },
  // Whoever may create stations could make the backend knock at any door of its network otherwise.
  sourceHost: {
    name: 'source-host',
    argument: 'host',
    help: 'host that stations made by CreateStation may connect to besides loopback, repeatable',
    programs,
    repeatable: true,
    byDefault: undefined,
    read: many(text),
  },
  recordingsQuotaBytes: {
    name: 'recordings-quota',
    argument: 'bytes',
    help: 'what the samples of all recordings may take together',
    programs,
    byDefault: String(DEFAULT_QUOTA_BYTES),
    read: one(whole(0, Number.MAX_SAFE_INTEGER, 'bytes')),
  },
  recordingsMinFreeBytes: {
    name: 'recordings-min-free',
    argument: 'bytes',
    help: 'what recordings leave free on the disk',
    programs,
    byDefault: String(DEFAULT_MIN_FREE_BYTES),
    read: one(whole(0, Number.MAX_SAFE_INTEGER, 'bytes')),
  },
};

import { basename, isAbsolute } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../../is-record.ts';
import { endpointHost, SOURCE_KINDS } from '../iq/sources/settings.ts';
import type { PlainStation } from './declared-station.ts';
import { FieldFault } from './fields.ts';
import { isLoopback } from './station-settings.ts';

/** Members of sdr.oran.Station that the server sets; what a caller says of them does not count. */
const SET_BY_SERVER: ReadonlySet<string> = new Set([
  'source',
  'datatype',
  'state',
  'producer',
  'ring_seconds',
  'subscribers',
  'fault',
  'epoch',
]);

/** Numbers that have no presence in the message: nobody means 0 by them. */
const ZERO_IS_ABSENT: ReadonlySet<string> = new Set(['sample_rate', 'center_frequency_hz', 'batch_size_samples']);

/** Members of sdr.oran.Station that are settings. */
const SETTINGS: ReadonlySet<string> = new Set([
  ...SOURCE_KINDS,
  'description',
  'band',
  'batch_size_samples',
  'full_scale_dbm',
  'sample_rate',
  'center_frequency_hz',
  'ring',
  'site',
  'antenna',
  'rtl_tcp_listener',
]);

/** Segments of a path in a mask at most: settings are not nested deeper. */
const MAX_PATH_SEGMENTS = 4;
const MASK_PATH = /^[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63}){0,3}$/;

/** The settings that a message sdr.oran.Station states: what it leaves out, and what the server sets, is not among them. */
export function settingsOf(message: Readonly<Record<string, unknown>>): PlainStation {
  return Object.fromEntries(
    Object.entries(message)
      .filter(([name, value]) => !SET_BY_SERVER.has(name) && !(value === 0 && ZERO_IS_ABSENT.has(name)))
      .map(([name, value]) => [name, withoutAbsent(value)])
      .filter(([, value]) => !isAbsent(value)),
  );
}

const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

/** Absent members of messages have a default; inside of settings they are left out, but for numbers and booleans. */
function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, withoutAbsent(member)])
      .filter(([, member]) => !isAbsent(member)),
  );
}

/**
 * Settings with the members changed that a mask names: to what the patch says, or to nothing where it says nothing. Without
 * a mask, what the patch says counts. A new kind of source replaces the one there was.
 *
 * @throws FieldFault for a path that names no setting.
 */
export function patched(before: PlainStation, patch: PlainStation, mask: readonly string[]): PlainStation {
  const paths = mask.length > 0 ? mask : Object.keys(patch).filter((name) => name !== 'station_id');
  let settings: PlainStation = before;
  for (const text of paths) {
    const path = text.split('.');
    const [root = ''] = path;
    if (!MASK_PATH.test(text) || path.length > MAX_PATH_SEGMENTS)
      throw new FieldFault(['update_mask'], `"${text.slice(0, 64)}" is no path of fields`);
    if (!SETTINGS.has(root)) throw new FieldFault(['update_mask'], `${root} cannot be changed`);
    if (SOURCE_KINDS.some((kind) => kind === root)) {
      settings = Object.fromEntries(
        Object.entries(settings).filter(([name]) => name === root || !SOURCE_KINDS.some((kind) => kind === name)),
      );
    }
    settings = withMember(settings, path, memberOf(patch, path));
  }
  return settings;
}

function memberOf(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isRecord(at) && Object.hasOwn(at, name) ? at[name] : undefined), value);
}

function withMember(settings: PlainStation, [name = '', ...rest]: readonly string[], value: unknown): PlainStation {
  const others = Object.entries(settings).filter(([key]) => key !== name);
  const inner = settings[name];
  const member = rest.length === 0 ? value : withMember(isRecord(inner) ? inner : {}, rest, value);
  return Object.fromEntries(member === undefined ? others : [...others, [name, member]]);
}

/** What stations made by calls may reach. */
export interface Reach {
  /** Hosts besides loopback. */
  readonly hosts: readonly string[];
  /** The absolute path of a recording in the library by its name; undefined where there is none. */
  readonly recording: ((name: string) => string) | undefined;
}

/** A name below the library: no way up, no hidden files. */
const RECORDING_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}){0,3}$/;

/**
 * Settings that came by a call, held to what such stations may reach; what the station has already may stay.
 *
 * @throws FieldFault
 */
export function withinReach(settings: PlainStation, before: PlainStation, reach: Reach): PlainStation {
  const check = (path: readonly string[], host: string | undefined): void => {
    const value = memberOf(settings, path);
    if (typeof value !== 'string' || value === memberOf(before, path) || host === undefined) return;
    if (!isLoopback(host) && !reach.hosts.includes(host)) {
      throw new FieldFault(
        path,
        'names a host that stations made by calls may not connect to; the operator allows it with --source-host',
      );
    }
  };
  for (const path of [
    ['rtl_tcp', 'host'],
    ['antenna', 'rotctld', 'host'],
  ]) {
    check(path, String(memberOf(settings, path)));
  }
  const endpoint = memberOf(settings, ['zmq', 'endpoint']);
  if (typeof endpoint === 'string') check(['zmq', 'endpoint'], endpointHost(endpoint));

  const listener = settings.rtl_tcp_listener;
  if (listener !== undefined && !isDeepStrictEqual(listener, before.rtl_tcp_listener)) {
    throw new FieldFault(
      ['rtl_tcp_listener'],
      'opens a port, which is for the operator: it goes into the stations file',
    );
  }

  const path = ['sigmf', 'file'];
  const file = memberOf(settings, path);
  const had = memberOf(before, path);
  if (typeof file !== 'string' || file === had) return settings;
  if (typeof had === 'string' && file === shownFile(had)) return withMember(settings, path, had);
  if (reach.recording === undefined || !RECORDING_NAME.test(file) || file.split('/').includes('..')) {
    throw new FieldFault(path, 'must name a file in the library, such as morning.sigmf-meta');
  }
  return withMember(settings, path, reach.recording(file));
}

/** A recording's path as callers see it: where the server keeps its files is not told. */
function shownFile(file: string): string {
  return isAbsolute(file) ? basename(file) : file;
}

/** Settings as callers see them. */
export function shownSettings(settings: PlainStation): PlainStation {
  const file = memberOf(settings, ['sigmf', 'file']);
  return typeof file === 'string' ? withMember(settings, ['sigmf', 'file'], shownFile(file)) : settings;
}

import { PassbandError } from '../../../errors.ts';
import type { StationHub } from '../hub.ts';

/** Where reading begins, as a client says it. */
export type StartPosition =
  | { readonly kind: 'live' }
  | { readonly kind: 'earliest' }
  | { readonly kind: 'index'; readonly index: number }
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  | { readonly kind: 'time'; readonly timestampNs: bigint }
  | { readonly kind: 'back'; readonly seconds: number };

const INDEX = /^\d{1,15}$/;
const BACK = /^-(\d{1,6}(?:\.\d{1,9})?)s$/;
const TIME = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads a `from`: a sample index, "earliest", an RFC 3339 time, a number of seconds back such as "-2.5s", or empty for
 * live.
 *
 * @throws PassbandError INVALID_ARGUMENT
 */
export function parseStartPosition(text: string): StartPosition {
  if (text === '') return { kind: 'live' };
  if (text === 'earliest') return { kind: 'earliest' };
  if (INDEX.test(text)) return { kind: 'index', index: Number(text) };
  const back = BACK.exec(text);
  if (back !== null) return { kind: 'back', seconds: Number(back[1]) };
  const timestampNs = rfc3339Ns(text);
  if (timestampNs !== undefined) return { kind: 'time', timestampNs };
  throw new PassbandError(
    'INVALID_ARGUMENT',
    'from must be a sample index, "earliest", an RFC 3339 time, seconds back such as "-2.5s", or empty for live',
  );
}

/** Nanoseconds since 1970 of an RFC 3339 time; undefined for what is none. */
export function rfc3339Ns(text: string): bigint | undefined {
  const [, seconds = '', fraction = '', zone = ''] = TIME.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (seconds === '' || Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/**
 * The sample index at which reading begins. To be asked after the hub was joined.
 *
 * @throws PassbandError OUT_OF_RANGE when those samples are not held any more or not made yet, saying which are held.
 */
export function startIndex(hub: StationHub, from: StartPosition): number {
  const live = hub.source.nextIndex();
  const { runs } = hub.ring;
  switch (from.kind) {
    case 'live':
      return live;
    case 'earliest':
      return runs[0]?.start ?? live;
    case 'index':
      if (from.index === live || runs.some(({ start, end }) => from.index >= start && from.index < end)) {
        return from.index;
      }
      throw notHeld(hub, `sample ${from.index} is not held`);
    case 'back': {
      const { sampleRateHz } = hub.source.tuning;
      const index = live - Math.round(from.seconds * sampleRateHz);
      if (index === live || (runs[0] !== undefined && runs[0].start <= index)) return index;
      throw notHeld(hub, `what was ${from.seconds} s ago is not held`);
    }
    case 'time':
      return indexAt(hub, from.timestampNs);
  }
}

/** Parts of a sample's duration that rounding to nanoseconds may cost. */
const ROUNDING_SAMPLES = 0.1;

/** The first sample at or after a time. */
function indexAt(hub: StationHub, timestampNs: bigint): number {
  const { runs } = hub.ring;
  const [oldest] = runs;
  if (oldest !== undefined && timestampNs >= oldest.timestampNs(oldest.start)) {
    for (const run of runs) {
      const seconds = Number(timestampNs - run.timestampNs(run.start)) / 1e9;
      const index = run.start + Math.max(0, Math.ceil(seconds * run.sampleRateHz - ROUNDING_SAMPLES));
      if (index < run.end) return index;
    }
  }
  throw notHeld(hub, 'that time is not held');
}

function notHeld(hub: StationHub, what: string): PassbandError {
  const { runs } = hub.ring;
  const [oldest, newest] = [runs[0], runs.at(-1)];
  if (oldest === undefined || newest === undefined) {
    return new PassbandError(
      'OUT_OF_RANGE',
      `${what}: station ${hub.stationId} holds no samples at present, for they are kept only while somebody reads them; leave from out for live`,
    );
  }
  const at = (run: typeof oldest, index: number): string => {
    const time = new Date(Number(run.timestampNs(index) / 1_000_000n)).toISOString();
    return `${index} (${time})`;
  };
  return new PassbandError(
    'OUT_OF_RANGE',
    `${what}: station ${hub.stationId} holds samples ${at(oldest, oldest.start)} to ${at(newest, newest.end - 1)}`,
  );
}

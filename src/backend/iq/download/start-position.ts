import { PassbandError } from '../../../errors.ts';
import { rfc3339Ns } from '../../../rfc3339.ts';
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

/** How samples are counted that a download gives: those of the station, or of a part of its band. */
export interface SampleCount {
  /** Sample n stands for the station's n * decimation. */
  readonly decimation: number;
  /** The oldest sample that can be had. */
  readonly oldest: number;
}

/**
 * The sample index at which reading begins, in the given count. To be asked after the hub was joined.
 *
 * @throws PassbandError OUT_OF_RANGE when those samples are not held any more or not made yet, saying which are held.
 */
export function startIndex(hub: StationHub, from: StartPosition, count: SampleCount): number {
  const { runs } = hub.ring;
  const live = hub.source.nextIndex();
  if (from.kind === 'live') return Math.ceil(live / count.decimation);
  if (from.kind === 'earliest') return count.oldest;
  const [asked, what] = askedIndex(hub, from, count, live);
  // Of a part of the band, the first sample at or after the one that was meant.
  const index = asked === undefined ? -1 : Math.ceil(asked / count.decimation);
  const isLive = asked !== undefined && index === Math.ceil(live / count.decimation);
  const isHeld =
    from.kind !== 'index' || runs.some(({ start, end }) => asked !== undefined && asked >= start && asked < end);
  if (isLive || (isHeld && index >= count.oldest)) return index;
  throw notHeld(hub, what, count);
}

/** The station's sample that is meant, undefined where none can be; and what to say when it is not held. */
function askedIndex(
  { ring, source }: StationHub,
  from: Exclude<StartPosition, { readonly kind: 'live' | 'earliest' }>,
  { decimation }: SampleCount,
  live: number,
): readonly [number | undefined, string] {
  switch (from.kind) {
    case 'index':
      return [from.index * decimation, `sample ${from.index} is not held`];
    case 'back': {
      const index = live - Math.round(from.seconds * source.tuning.sampleRateHz);
      return [index, `what was ${from.seconds} s ago is not held`];
    }
    case 'time': {
      const [oldest] = ring.runs;
      const isPast = oldest !== undefined && from.timestampNs >= oldest.timestampNs(oldest.start);
      return [isPast ? ring.indexAt(from.timestampNs) : undefined, 'that time is not held'];
    }
  }
}

function notHeld(hub: StationHub, what: string, { decimation, oldest: first }: SampleCount): PassbandError {
  const { runs } = hub.ring;
  const newest = runs.at(-1);
  const last = newest === undefined ? -1 : Math.floor((newest.end - 1) / decimation);
  const oldest = runs.find(({ end }) => end > first * decimation);
  if (oldest === undefined || newest === undefined) {
    return new PassbandError(
      'OUT_OF_RANGE',
      `${what}: station ${hub.stationId} holds no samples at present, for they are kept only while somebody reads them; leave from out for live`,
    );
  }
  const at = (run: typeof oldest, index: number): string => {
    const time = new Date(Number(run.timestampNs(index * decimation) / 1_000_000n)).toISOString();
    return `${index} (${time})`;
  };
  return new PassbandError(
    'OUT_OF_RANGE',
    `${what}: station ${hub.stationId} holds samples ${at(oldest, first)} to ${at(newest, last)}`,
  );
}

import { PassbandError } from '../errors.ts';
import type { Overflow, StreamOptions } from '../stream-options.ts';
import type { EdgeRequest } from './edge/peer.ts';
import type { Message } from './routes/message.ts';
import type { RequestBinder } from './routes/request.ts';
import type { Route } from './routes/table.ts';
import { eventId, isEpoch, positionOf } from './writers/event-id.ts';
import { END_ID } from './writers/sse.ts';

/** What a caller says of how it wants to read a stream. */
export interface StreamControls {
  readonly overflow: Overflow;
  /** The id of `Last-Event-ID` after which to go on. */
  readonly resumeAfter: string | undefined;
  /** True when the caller comes back after the end of a stream: there is nothing more. */
  readonly over: boolean;
}

/** Query parameters that belong to {@link readStreamControls} unless the request message has such a field. */
export const STREAM_CONTROLS: ReadonlySet<string> = new Set(['lastEventId', 'overflow']);

/** Reads `Last-Event-ID` (or `?lastEventId=`) and `?overflow=`, and gives the position to the request. */
export function readStreamControls(route: Route, request: EdgeRequest, binder: RequestBinder): StreamControls {
  const { stream } = route.method;
  const asked = binder.controls.get('overflow');
  const overflow = [...stream.allowedOverflow].find((policy) => policy === (asked ?? stream.overflow));
  if (overflow === undefined) {
    throw new PassbandError('INVALID_ARGUMENT', `overflow must be one of ${[...stream.allowedOverflow].join(', ')}`);
  }
  const header = request.headers['last-event-id'];
  // A browser sends the header when it comes back by itself; it is newer than what its URL says.
  const id = typeof header === 'string' && header !== '' ? header : binder.controls.get('lastEventId');
  if (id === END_ID) return { overflow, resumeAfter: undefined, over: true };
  if (id === undefined || id === '' || stream.resumeField === undefined)
    return { overflow, resumeAfter: undefined, over: false };
  const position = stream.resumeEpochField === undefined ? { epoch: undefined, id } : positionOf(id);
  // 1e3 and 5.0 are integers to protobuf's JSON mapping, but no id that was ever given out.
  if (stream.contiguousIds && !/^-?[0-9]{1,20}$/.test(position.id)) {
    throw new PassbandError('INVALID_ARGUMENT', 'Last-Event-ID must be the id of an event of this stream');
  }
  binder.resumeAfter(stream.resumeField, position.id);
  // An id of older times names no epoch: the position alone is taken.
  if (stream.resumeEpochField !== undefined && position.epoch !== undefined) {
    binder.resumeAfter(stream.resumeEpochField, position.epoch);
  }
  return { overflow, resumeAfter: id, over: false };
}

/**
 * The id after which a request asks to go on, whether it came as `Last-Event-ID` or in the request's own fields. One whose
 * epoch no id can have is no id.
 */
export function resumedAfter({ resumeField, resumeEpochField }: StreamOptions, request: Message): string | undefined {
  const id = resumeField === undefined ? undefined : request[resumeField];
  if (id === undefined) return undefined;
  const given = resumeEpochField === undefined ? undefined : request[resumeEpochField];
  const epoch = given === undefined ? undefined : String(given);
  return epoch === undefined || isEpoch(epoch) ? eventId({ epoch, id: String(id) }) : undefined;
}

/** Whether a request says itself where its stream begins. */
export function beginsByItself({ beginFields }: StreamOptions, request: Message): boolean {
  return beginFields.some((name) => request[name] !== undefined);
}

import { PassbandError } from '../../errors.ts';

/** Where a message lies in its stream. */
export interface EventPosition {
  /** The epoch in which the id counts; undefined where the stream has none, or an older id names none. */
  readonly epoch: string | undefined;
  readonly id: string;
}

/** What an epoch consists of: it ends at the first dash of EPOCH-ID. */
const EPOCH = '[A-Za-z0-9]{1,64}';
const EVENT_ID = new RegExp(`^(${EPOCH})-(.+)$`, 's');
const WHOLE_EPOCH = new RegExp(`^${EPOCH}$`);

/**
 * The id of an event: EPOCH-ID, or the bare id in a stream without epochs.
 *
 * @throws PassbandError INTERNAL for an epoch that could not be told from the id behind it.
 */
export function eventId({ epoch, id }: EventPosition): string {
  if (epoch === undefined) return id;
  if (isEpoch(epoch)) return `${epoch}-${id}`;
  throw new PassbandError('INTERNAL', 'the epoch of a message must be 1 to 64 letters and digits');
}

/** Whether a text can be the epoch of an id. */
export function isEpoch(text: string): boolean {
  return WHOLE_EPOCH.test(text);
}

/** The position that an id of a stream with epochs names; a bare id of older times has no epoch. */
export function positionOf(text: string): EventPosition {
  const [, epoch, id] = EVENT_ID.exec(text) ?? [];
  return id === undefined ? { epoch: undefined, id: text } : { epoch, id };
}

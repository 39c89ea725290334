import { type Code, codeNumber } from '../../errors.ts';
import { encodeText } from './encode-text.ts';
import type { Gap, StreamWriter } from './stream-writer.ts';

/** How long an EventSource waits before it comes back, milliseconds. */
export const RETRY_MS = 2000;

/**
 * The id of the last event of a stream that is over for good. No message has it, since ids of messages that begin with
 * `!` are not sent. A client that comes back with it is answered 204, which stops an EventSource.
 */
export const END_ID = '!end';

/** Ends after which coming back makes sense; the client keeps its resume position for them. */
const WORTH_RETRYING: ReadonlySet<Code> = new Set([
  'UNAVAILABLE',
  'ABORTED',
  'RESOURCE_EXHAUSTED',
  'DEADLINE_EXCEEDED',
]);

/** An event of the HTML standard, section 9.2 (server-sent events). */
export interface SseEvent {
  readonly event?: string;
  readonly id?: string;
  /** One line. */
  readonly data: string;
}

/**
 * The bytes of an event. Ids and event names with CR, LF or NUL are rejected, not cleaned: what would be injected
 * there is another event.
 */
export function encodeEvent({ event, id, data }: SseEvent): string {
  let text = '';
  if (id !== undefined) text += `id: ${field(id)}\n`;
  if (event !== undefined) text += `event: ${field(event)}\n`;
  if (/[\r\n]/.test(data)) throw new RangeError('event data must be one line');
  return `${text}data: ${data}\n\n`;
}

function field(value: string): string {
  for (const character of value) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) throw new RangeError('an event id or name must not contain control characters');
  }
  return value;
}

/** Server-sent events: messages as they come, `gap` for what was lost, `end` with a google.rpc.Status. */
export function sseWriter(): StreamWriter {
  return {
    headers: {
      'cache-control': 'no-store',
      // nginx would hold events back until its buffer is full.
      'x-accel-buffering': 'no',
    },
    head: () => `retry: ${RETRY_MS}\n\n`,
    message: (message) => {
      const id = message.id();
      const idLine = id === undefined || id.startsWith('!') ? '' : `id: ${field(id)}\n`;
      return encodeText(`${idLine}data: `, message.json(), '\n\n');
    },
    gap: (gap) => encodeEvent({ event: 'gap', data: gapJson(gap) }),
    silence: () => ': \n\n',
    end: ({ code, message, details }) =>
      encodeEvent({
        event: 'end',
        ...(WORTH_RETRYING.has(code) ? {} : { id: END_ID }),
        data: JSON.stringify({ code: codeNumber(code), message, details }),
      }),
  };
}

function gapJson(gap: Gap): string {
  const { lost, from, to } = gap;
  const count = typeof lost === 'bigint' && lost > BigInt(Number.MAX_SAFE_INTEGER) ? `"${lost}"` : String(lost);
  const reason = 'reason' in gap ? `,"reason":${JSON.stringify(gap.reason)}` : '';
  const range =
    from === undefined || to === undefined ? '' : `,"from":${JSON.stringify(from)},"to":${JSON.stringify(to)}`;
  return `{"lost":${count}${reason}${range}}`;
}

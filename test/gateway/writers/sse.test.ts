import { describe, expect, it } from '@jest/globals';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { CODES, type Code } from '../../../src/errors.ts';
import { END_ID, encodeEvent, sseWriter } from '../../../src/gateway/writers/sse.ts';
import type { OutgoingMessage } from '../../../src/gateway/writers/stream-writer.ts';

const message = (id: string | undefined): OutgoingMessage => ({
  bytes: new Uint8Array(),
  json: () => ({ head: '{}', ascii: '', tail: '' }),
  id: () => id,
});

/** What an EventSource would make of the text. */
function parsed(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  createParser({ onEvent: (event) => events.push(event) }).feed(text);
  return events;
}

const CONTROL_CHARACTERS = [...Array.from({ length: 0x20 }, (_, code) => code), 0x7f];

describe('ids and event names', () => {
  it.each(CONTROL_CHARACTERS)('with the character %d are rejected', (code) => {
    const bad = `a${String.fromCharCode(code)}b`;
    expect(() => encodeEvent({ id: bad, data: '{}' })).toThrow(RangeError);
    expect(() => encodeEvent({ event: bad, data: '{}' })).toThrow(RangeError);
    expect(() => sseWriter().message(message(bad))).toThrow(RangeError);
  });

  it.each(['\n', '\r', 'a\r\nb'])('are never followed by data of more than one line: %j', (data) => {
    expect(() => encodeEvent({ data })).toThrow(RangeError);
  });

  it('outside ASCII pass, as the standard has UTF-8', () => {
    expect(parsed(encodeEvent({ id: 'ü😀', event: 'é', data: '1' }))).toEqual([{ id: 'ü😀', event: 'é', data: '1' }]);
  });
});

describe('a message', () => {
  it.each([END_ID, '!', '!gap'])('with the id %j, which is the gateway’s own, is sent without one', (id) => {
    expect(String(sseWriter().message(message(id)))).toBe('data: {}\n\n');
  });

  it('with an empty id resets the position, as the standard says', () => {
    expect(parsed(String(sseWriter().message(message(''))))).toEqual([{ id: '', data: '{}', event: undefined }]);
  });
});

describe('event: gap', () => {
  it.each([
    [{ lost: 3 }, '{"lost":3}'],
    [{ lost: 1, from: '5', to: '5' }, '{"lost":1,"from":"5","to":"5"}'],
    [{ lost: 7, from: '5' }, '{"lost":7}'],
    // JSON numbers beyond 2^53 lose digits in most readers; as text they keep them, as protobuf's own mapping does.
    [{ lost: 9_007_199_254_740_992n, from: '1', to: '2' }, '{"lost":"9007199254740992","from":"1","to":"2"}'],
  ])('of %p says %s and moves no position', (gap, data) => {
    expect(parsed(String(sseWriter().gap(gap)))).toEqual([{ event: 'gap', data, id: undefined }]);
  });
});

describe('event: end', () => {
  const RETRY: readonly Code[] = ['UNAVAILABLE', 'ABORTED', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED'];

  it.each(CODES.map((code, number) => [code, number] as const))('%s has the code %d', (code, number) => {
    const [event] = parsed(String(sseWriter().end({ code, message: 'why\n', details: [{ '@type': 't', a: 1 }] })));
    expect(event?.event).toBe('end');
    expect(JSON.parse(event?.data ?? '')).toEqual({
      code: number,
      message: 'why\n',
      details: [{ '@type': 't', a: 1 }],
    });
    // Whoever may come back keeps its position; whoever may not is given the id that is answered 204.
    expect(event?.id).toBe(RETRY.includes(code) ? undefined : END_ID);
  });
});

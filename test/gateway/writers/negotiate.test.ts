import { describe, expect, it } from '@jest/globals';
import { PassbandError } from '../../../src/errors.ts';
import { negotiateStream, negotiateUnary } from '../../../src/gateway/writers/negotiate.ts';

describe('a stream', () => {
  it.each([
    [undefined, 'sse', 'text/event-stream'],
    ['*/*', 'sse', 'text/event-stream'],
    ['text/*', 'sse', 'text/event-stream'],
    ['text/event-stream', 'sse', 'text/event-stream'],
    ['TEXT/EVENT-STREAM', 'sse', 'text/event-stream'],
    ['application/x-ndjson', 'ndjson', 'application/x-ndjson'],
    ['application/jsonl', 'ndjson', 'application/jsonl'],
    ['application/json', 'json-array', 'application/json'],
    ['application/x-protobuf', 'protobuf', 'application/x-protobuf'],
    ['text/html, application/json', 'json-array', 'application/json'],
    ['text/html, */*;q=0.1', 'sse', 'text/event-stream'],
    ['application/json;q=0.5, application/x-protobuf', 'protobuf', 'application/x-protobuf'],
    ['application/json;q=0.5, application/x-protobuf;q=0.4', 'json-array', 'application/json'],
    ['text/event-stream;q=0, */*', 'ndjson', 'application/x-ndjson'],
    ['application/jsonl, text/event-stream;q=0.9', 'ndjson', 'application/jsonl'],
    ['application/*;q=0.8, text/event-stream;q=0.2', 'ndjson', 'application/x-ndjson'],
  ])('for Accept: %s is %s', (accept, format, mediaType) => {
    expect(negotiateStream(accept)).toEqual({ format, mediaType });
  });

  it.each(['text/html', 'text/event-stream;q=0', 'image/*', '*/*;q=0', 'nonsense'])(
    'is not to be had for Accept: %s',
    (accept) => {
      expect.assertions(3);
      try {
        negotiateStream(accept);
      } catch (error) {
        expect(error).toBeInstanceOf(PassbandError);
        expect(error).toMatchObject({ status: 406, code: 'INVALID_ARGUMENT' });
        expect((error as PassbandError).publicMessage).toContain('text/event-stream, application/x-ndjson');
      }
    },
  );
});

describe('a single message', () => {
  it.each([
    [undefined, true, 'json'],
    ['*/*', true, 'json'],
    ['application/x-protobuf', true, 'protobuf'],
    ['application/json;q=0.1, application/x-protobuf;q=0.2', true, 'protobuf'],
    ['application/x-protobuf, application/json;q=0.1', false, 'json'],
  ])('for Accept: %s (binary form: %s) is %s', (accept, binary, format) => {
    expect(negotiateUnary(accept, binary).format).toBe(format);
  });

  it.each([
    ['text/event-stream', true],
    ['application/x-protobuf', false],
    ['application/json;q=0', false],
  ])('is not to be had for Accept: %s (binary form: %s)', (accept, binary) => {
    expect(() => negotiateUnary(accept, binary)).toThrow(expect.objectContaining({ status: 406 }));
  });
});

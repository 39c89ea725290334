import { describe, expect, it } from '@jest/globals';
import type { Code } from '../../../src/errors.ts';
import { delimitedWriter, varint } from '../../../src/gateway/writers/delimited.ts';
import { jsonArrayWriter, jsonLinesWriter } from '../../../src/gateway/writers/json-lines.ts';
import { rawBodyWriter } from '../../../src/gateway/writers/raw-body.ts';
import { sseWriter } from '../../../src/gateway/writers/sse.ts';
import type { Chunk, EndStatus, OutgoingMessage, StreamWriter } from '../../../src/gateway/writers/stream-writer.ts';

const asText = (chunk: Chunk | undefined): string | undefined =>
  chunk === undefined ? undefined : Buffer.from(chunk as string).toString('latin1');

const message = (json: string, id?: string): OutgoingMessage => ({
  bytes: Buffer.from(json),
  json: () => ({ head: json, ascii: '', tail: '' }),
  id: () => id,
});
const end = (code: Code, text = ''): EndStatus => ({ code, message: text, details: [] });

interface Expected {
  readonly head: string | undefined;
  /** Of the messages `{"a":1}` with id 7 and `{"b":"ü"}` without one. */
  readonly messages: readonly [string, string];
  readonly gap: string | undefined;
  readonly silence: string | undefined;
  readonly naturalEnd: string;
  /** Of NOT_FOUND "gone" behind a message; undefined means that the connection is broken off. */
  readonly failure: string | undefined;
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

const CASES: readonly (readonly [string, () => StreamWriter, Expected])[] = [
  [
    'server-sent events',
    sseWriter,
    {
      head: 'retry: 2000\n\n',
      messages: ['id: 7\ndata: {"a":1}\n\n', utf8('data: {"b":"ü"}\n\n')],
      gap: 'event: gap\ndata: {"lost":3,"from":"8","to":"10"}\n\n',
      silence: ': \n\n',
      naturalEnd: 'id: !end\nevent: end\ndata: {"code":0,"message":"","details":[]}\n\n',
      failure: 'id: !end\nevent: end\ndata: {"code":5,"message":"gone","details":[]}\n\n',
    },
  ],
  [
    'JSON lines',
    jsonLinesWriter,
    {
      head: undefined,
      messages: ['{"a":1}\n', utf8('{"b":"ü"}\n')],
      gap: undefined,
      silence: undefined,
      naturalEnd: '',
      failure: '{"error":{"code":5,"message":"gone","details":[]}}\n',
    },
  ],
  [
    'a JSON array',
    jsonArrayWriter,
    {
      head: '[',
      messages: ['{"a":1}', utf8(',\n{"b":"ü"}')],
      gap: undefined,
      silence: undefined,
      naturalEnd: ']\n',
      failure: ',\n{"error":{"code":5,"message":"gone","details":[]}}]\n',
    },
  ],
  [
    'length-delimited protobuf',
    delimitedWriter,
    {
      head: undefined,
      messages: ['\x07{"a":1}', `\x0a${utf8('{"b":"ü"}')}`],
      gap: undefined,
      silence: undefined,
      naturalEnd: '',
      failure: undefined,
    },
  ],
  [
    'a raw body',
    () => rawBodyWriter((bytes) => bytes.subarray(1)),
    {
      head: undefined,
      messages: ['"a":1}', utf8('"b":"ü"}')],
      gap: undefined,
      silence: undefined,
      naturalEnd: '',
      failure: undefined,
    },
  ],
];

describe.each(CASES)('%s', (_, make, expected) => {
  const afterMessages = (): StreamWriter => {
    const writer = make();
    writer.head();
    expect(asText(writer.message(message('{"a":1}', '7')))).toBe(expected.messages[0]);
    expect(asText(writer.message(message('{"b":"ü"}')))).toBe(expected.messages[1]);
    return writer;
  };

  it('writes exactly these bytes', () => {
    expect(asText(make().head())).toBe(expected.head);
    const writer = afterMessages();
    expect(asText(writer.gap({ lost: 3, from: '8', to: '10' }))).toBe(expected.gap);
    expect(asText(writer.silence())).toBe(expected.silence);
    expect(asText(writer.end(end('OK')))).toBe(expected.naturalEnd);
  });

  it('tells a failure in the stream, or says that it cannot', () => {
    expect(asText(afterMessages().end(end('NOT_FOUND', 'gone')))).toBe(expected.failure);
  });

  it('is not to be stored', () => {
    expect(make().headers['cache-control']).toBe('no-store');
  });

  it('keeps nothing between two streams', () => {
    afterMessages();
    afterMessages();
  });
});

describe('a JSON array', () => {
  it.each([
    ['OK', '[]\n'],
    ['UNAVAILABLE', '[{"error":{"code":14,"message":"","details":[]}}]\n'],
  ] as const)('without messages that ends %s is whole', (code, text) => {
    const writer = jsonArrayWriter();
    expect(`${asText(writer.head())}${asText(writer.end(end(code)))}`).toBe(text);
  });
});

describe('a length', () => {
  it.each([
    [0, [0]],
    [127, [127]],
    [128, [128, 1]],
    [300, [172, 2]],
    [16_777_216, [128, 128, 128, 8]],
    [4_294_967_295, [255, 255, 255, 255, 15]],
  ])('of %d is the varint %j', (length, bytes) => {
    expect([...varint(length)]).toEqual(bytes);
  });
});

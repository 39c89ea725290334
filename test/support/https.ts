import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { Agent, type Dispatcher, request } from 'undici';

/** A certificate and its key, PEM. */
export interface ClientPair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** An HTTPS caller with a certificate. */
export interface Caller {
  /** A whole answer. */
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** A stream of server-sent events, read by an independent parser. */
  events(path: string, options?: CallOptions): Promise<EventStream>;
  /** The raw response, its body unread. */
  open(path: string, options?: CallOptions): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  json(): Record<string, unknown>;
}

export interface EventStream extends AsyncIterable<EventSourceMessage> {
  readonly status: number;
  readonly headers: Answer['headers'];
  /** Breaks the connection off. */
  stop(): void;
}

/** Reads `NAME.crt` and `NAME.key` of a certs folder. */
export function pairIn(dir: string, name: string): ClientPair {
  return {
    certPem: readFileSync(join(dir, `${name}.crt`), 'utf8'),
    keyPem: readFileSync(join(dir, `${name}.key`), 'utf8'),
  };
}

/** A caller of one origin, over HTTP/1.1 or HTTP/2. */
export function callerOf(origin: string, caPem: string, pair: ClientPair | undefined, http2 = false): Caller {
  const agent = new Agent({
    allowH2: http2,
    bodyTimeout: 0,
    headersTimeout: 20_000,
    connect: { ca: caPem, ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }) },
  });
  const open: Caller['open'] = (path, options = {}) =>
    request(`${origin}${path}`, {
      dispatcher: agent,
      method: (options.method ?? 'GET') as Dispatcher.HttpMethod,
      headers: options.headers ?? {},
      body: options.body ?? null,
    });
  return {
    open,
    call: async (path, options) => {
      const response = await open(path, options);
      const text = await response.body.text();
      return { status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) };
    },
    events: async (path, options) => {
      const response = await open(path, { ...options, headers: { accept: 'text/event-stream', ...options?.headers } });
      return {
        status: response.statusCode,
        headers: response.headers,
        stop: () => response.body.destroy(),
        [Symbol.asyncIterator]: () => parse(response.body),
      };
    },
    close: () => agent.destroy(),
  };
}

async function* parse(body: AsyncIterable<Buffer>): AsyncGenerator<EventSourceMessage> {
  const ready: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => ready.push(event) });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* ready.splice(0);
  }
}

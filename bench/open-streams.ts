import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { IssuedCertificate } from '../src/pki/authority.ts';

/** How a stream was ended, and when by `performance.now()`. */
export interface End {
  /** The gRPC code that its reader was told. */
  readonly code: number;
  readonly atMs: number;
}

/** A port at which the station `quiet` can be subscribed to. */
export interface Door {
  readonly what: 'gateway' | 'backend';
  readonly port: string;
}

/** Streams that are open, and the connections that they are on. */
export interface OpenStreams {
  /** One for each stream; rejects where a stream breaks off without being told its end. */
  readonly ends: readonly Promise<End>[];
  /** One for each connection: when it was closed, by `performance.now()`. */
  readonly closes: readonly Promise<number>[];
  readonly connectionsOpen: () => number;
  readonly destroy: () => void;
}

const SSE_END = /event: end\ndata: \{"code":(\d+)/;
/** Characters of an SSE stream's end that are kept to find its last event in. */
const TAIL_CHARACTERS = 300;
/** What is asked for in turn: some ask for the same and share a call to the backend, as dashboards do; most do not. */
const BATCHES_SAMPLES = Array.from({ length: 50 }, (_, index) => 256 + 16 * index);

/**
 * Opens streams, spread over one HTTP/2 connection for each client; resolves when all of them have had their first bytes.
 *
 * @throws Error when a connection or a stream is refused.
 */
export async function openStreams(
  door: Door,
  caPem: string,
  clients: readonly IssuedCertificate[],
  count: number,
): Promise<OpenStreams> {
  const sessions = clients.map(({ certPem, keyPem }) =>
    connect(`https://localhost:${door.port}`, { ca: caPem, cert: certPem, key: keyPem }).on('error', () => {}),
  );
  const closes = sessions.map(
    (session) => new Promise<number>((resolve) => session.once('close', () => resolve(performance.now()))),
  );
  const destroy = (): void => {
    for (const session of sessions) session.destroy();
  };
  try {
    const ends = await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const session = sessions[index % sessions.length];
        const batch = BATCHES_SAMPLES[index % BATCHES_SAMPLES.length];
        if (session === undefined || batch === undefined) throw new Error('streams need a client');
        return open(door, session, batch);
      }),
    );
    return {
      ends: ends.map(({ end }) => end),
      closes,
      connectionsOpen: () => sessions.filter(({ destroyed, closed }) => !destroyed && !closed).length,
      destroy,
    };
  } catch (error) {
    destroy();
    throw error;
  }
}

/** Opens one stream. Its end is in an object, so that whoever awaits the opening does not await the end as well. */
async function open(door: Door, session: ClientHttp2Session, batch: number): Promise<{ readonly end: Promise<End> }> {
  const stream = door.what === 'gateway' ? askGateway(session, batch) : askBackend(session, batch);
  stream.on('error', () => {});
  const end = door.what === 'gateway' ? endOfEvents(stream) : endOfCall(stream);
  end.catch(() => {});
  await new Promise<void>((resolve, reject) => {
    const refuse = (): void => reject(new Error(`the ${door.what} refused a stream`));
    // A refusal has a body, too.
    stream.once('response', ({ ':status': status }) => (status === 200 ? undefined : refuse()));
    stream.once('data', () => resolve());
    stream.once('close', refuse);
  });
  return { end };
}

function askGateway(session: ClientHttp2Session, batch: number): ClientHttp2Stream {
  const path = `/v1/stations/quiet/iq?datatype=ci8&batch_size_samples=${batch}`;
  return session.request({ ':path': path, accept: 'text/event-stream' });
}

/** A gRPC call on a connection of our own, whose close can be seen; grpc-js keeps its connections to itself. */
function askBackend(session: ClientHttp2Session, batch: number): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/sdr.oran.IQStreamService/SubscribeIQ',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  // SubscribeIQRequest: station_id = 1, datatype = 2, batch_size_samples = 3 as a varint of two bytes (128 to 16383).
  const message = Buffer.concat([
    Buffer.from([0x0a, 5]),
    Buffer.from('quiet'),
    Buffer.from([0x12, 3]),
    Buffer.from('ci8'),
    Buffer.from([0x18, (batch & 0x7f) | 0x80, batch >> 7]),
  ]);
  stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]));
  return stream;
}

function endOfEvents(stream: ClientHttp2Stream): Promise<End> {
  stream.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let tail = '';
    stream.on('data', (text: string) => {
      tail = (tail + text).slice(-TAIL_CHARACTERS);
      const code = SSE_END.exec(tail)?.[1];
      if (code !== undefined) resolve({ code: Number(code), atMs: performance.now() });
    });
    stream.on('close', () => reject(new Error(`a stream broke off without its end: ${tail.slice(-80)}`)));
  });
}

function endOfCall(stream: ClientHttp2Stream): Promise<End> {
  return new Promise((resolve, reject) => {
    stream.on('data', () => {});
    stream.on('trailers', (trailers) => {
      resolve({ code: Number(trailers['grpc-status']), atMs: performance.now() });
    });
    stream.on('close', () => reject(new Error('a call broke off without its status')));
  });
}

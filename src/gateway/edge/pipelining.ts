import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Requests of one HTTP/1.1 connection that may wait for the answers before theirs. Hardly any client sends ahead at all,
 * and those that do send some ten; what waits costs its headers, and a body as far as Node reads ahead (64 KiB).
 */
export const MAX_WAITING_REQUESTS = 16;

/** A request and where its answer goes. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The requests of one connection: what is being answered, and what came behind it, in its order. */
interface Line {
  running: Exchange | undefined;
  readonly waiting: Exchange[];
}

/**
 * Takes the requests of an HTTP/1.1 connection one after another (RFC 9112 section 9.3.2): the next begins when the answer
 * before it is over. Node begins all that it has parsed, and keeps finished answers in memory until their turn; behind a
 * stream that never ends, one connection would hold as many calls and answers as it has requests written.
 *
 * A connection with more than {@link MAX_WAITING_REQUESTS} waiting is closed at once. It is not paused instead, since a
 * socket that is not read does not tell that its client went away.
 */
export class PipelinedRequests {
  private readonly lines = new WeakMap<Socket, Line>();
  private readonly serve: (request: IncomingMessage, response: ServerResponse) => void;
  private readonly onExcess: (socket: Socket) => void;

  /** @param onExcess is told of a connection just before it is closed for having sent too many ahead. */
  constructor(serve: (request: IncomingMessage, response: ServerResponse) => void, onExcess: (socket: Socket) => void) {
    this.serve = serve;
    this.onExcess = onExcess;
  }

  /** Serves a request when its turn comes; never, when its connection ends before. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // The parser goes on to the end of what has come, though the connection is over.
    if (!takesMore(socket)) return;
    const line = this.lineOf(socket);
    if (line.running === undefined) this.begin(line, { request, response });
    else if (line.waiting.length < MAX_WAITING_REQUESTS) line.waiting.push({ request, response });
    else {
      this.onExcess(socket);
      socket.destroy();
    }
  }

  /** Whether an answer of a connection has begun or is owed to a whole request, so that another one would be taken for it. */
  owes(socket: Socket): boolean {
    const running = this.lineOf(socket).running;
    return running !== undefined && (running.response.headersSent || running.request.complete);
  }

  private begin(line: Line, exchange: Exchange): void {
    const { request, response } = exchange;
    line.running = exchange;
    this.serve(request, response);
    response.once('close', () => {
      line.running = undefined;
      const next = line.waiting.shift();
      if (next === undefined) return;
      if (takesMore(request.socket)) this.begin(line, next);
      else line.waiting.length = 0;
    });
  }

  private lineOf(socket: Socket): Line {
    let line = this.lines.get(socket);
    if (line === undefined) {
      line = { running: undefined, waiting: [] };
      this.lines.set(socket, line);
    }
    return line;
  }
}

/** False once a connection ends: after an answer that closes it, with its holder's right, or with its client. */
function takesMore(socket: Socket): boolean {
  return socket.writable;
}

import { PassbandError } from '../errors.ts';
import { countAnswer, sampleRateCheck } from './answer-limits.ts';
import { acceptStream, answerStream } from './answer-stream.ts';
import { acceptUnary, answerUnary } from './answer-unary.ts';
import { type Allowed, admit, authorize, authorizeNext, findForTheNamed, recorded, takePlace } from './authorize.ts';
import type { Caller } from './callers.ts';
import { deadlineMs } from './deadline.ts';
import { originForm } from './edge/host.ts';
import type { EdgeRequest } from './edge/peer.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import type { LiveStream, StreamEnd } from './guard/live-streams.ts';
import { methodNotAllowed } from './problem.ts';
import { readRequest, readRequests } from './request-body.ts';
import { parseRequestTarget, type RequestPath } from './routes/path.ts';
import { type BoundRequest, bindRequest, type RequestBinder } from './routes/request.ts';
import type { Match, Route } from './routes/table.ts';
import {
  beginsByItself,
  readStreamControls,
  resumedAfter,
  STREAM_CONTROLS,
  type StreamControls,
} from './stream-controls.ts';
import type { CallOptions, DuplexCall, StreamCall } from './upstream/call.ts';
import { answeringMetadata, upstreamMetadata } from './upstream/metadata.ts';
import type { SharedStream } from './upstream/shared-streams.ts';

/** A call on its way: what is known once its route is found and its caller may make it. */
interface Call {
  readonly gateway: Gateway;
  readonly exchange: Exchange;
  readonly caller: Caller;
  readonly route: Route;
  readonly binder: RequestBinder;
  readonly options: CallOptions;
  /** What lets the caller make calls like this one, before there is a message. */
  readonly allowed: Allowed;
}

/** A request's target, and the route that it leads to. */
interface Found {
  readonly target: RequestPath;
  readonly match: Extract<Match, { kind: 'route' }>;
}

/** One call over HTTP: finds the RPC, decides, binds the request, calls the backend and gives its answer out. */
export async function handleCall(gateway: Gateway, exchange: Exchange, caller: Caller): Promise<void> {
  const { request } = exchange;
  const { target, match } = findForTheNamed(gateway, exchange, caller, () => findTarget(gateway, request));
  const { route } = match;
  const { method } = route;
  exchange.rpc = method.name;
  exchange.route = route.template.text;

  // Those who may call nothing here learn nothing of what the call takes.
  const atAll = authorize(gateway, exchange, caller, method.name, undefined);

  const binder = bindRequest(route, match.segments, target.query, method.serverStreaming ? STREAM_CONTROLS : new Set());
  // A backend may answer before any message comes: what the path says of them all is decided on now.
  const allowed = method.clientStreaming
    ? authorize(gateway, exchange, caller, method.name, binder.fromNothing().message, 'part')
    : atAll;
  const options = {
    metadata: upstreamMetadata(request.headers, exchange.requestId, caller.identityJson),
    deadlineMs: deadlineMs(
      request.headers,
      method.serverStreaming || method.clientStreaming,
      gateway.limits,
      Date.now(),
    ),
    signal: exchange.gone.signal,
  };
  const call: Call = { gateway, exchange, caller, route, binder, options, allowed };
  if (method.serverStreaming) await callStream(call);
  else await callUnary(call);
}

/** What a request is for. */
function findTarget(gateway: Gateway, { method = '', url = '' }: EdgeRequest): Found {
  const target = parseRequestTarget(originForm(url));
  const match = findRoute(gateway, method, target.segments);
  if (match.kind === 'none') throw new PassbandError('NOT_FOUND', 'nothing is found at this path');
  if (match.kind === 'method') throw methodNotAllowed(match.allow);
  return { target, match };
}

/** HEAD is answered wherever a GET is answered with one message (RFC 9110 section 9.3.2). */
function findRoute({ table }: Gateway, httpMethod: string, segments: readonly string[]): Match {
  const match = table.match(httpMethod, segments);
  if (match.kind !== 'method') return match;
  const get = table.match('GET', segments);
  if (get.kind !== 'route' || get.route.method.serverStreaming) return match;
  return httpMethod === 'HEAD' ? get : { kind: 'method', allow: [...new Set([...match.allow, 'HEAD'])].sort() };
}

async function callUnary(call: Call): Promise<void> {
  const { gateway, exchange, route, options } = call;
  const { method } = route;
  const format = acceptUnary(route, exchange.request.headers.accept);
  if (method.clientStreaming) {
    exchange.isStream = true;
    // It has an end of its own, which a gateway that shuts down waits for.
    const live = liveStream(call, () => {});
    const leave = takePlace(gateway, exchange, live, call.allowed);
    try {
      await admit(gateway, exchange, call.caller, call.allowed);
      const duplex = await gateway.upstream.duplex(method, options);
      answerWith(await Promise.race([onlyMessage(duplex), failureOf(feed(call, live, duplex))]));
    } finally {
      leave();
    }
    return;
  }
  const { bytes, allowed } = await readAllowed(call);
  await admit(gateway, exchange, call.caller, allowed);
  answerWith(await gateway.upstream.unary(method, bytes, options));

  function answerWith(answer: Uint8Array): void {
    sampleRateCheck(method, exchange)?.(answer);
    answerUnary(exchange, route, format, answer);
    countAnswer(gateway, exchange);
  }
}

async function callStream(call: Call): Promise<void> {
  const { gateway, exchange, caller, route, binder, options } = call;
  const { method } = route;
  const accept = acceptStream(route, exchange.request.headers.accept);
  const controls = readStreamControls(route, exchange.request, binder);
  if (controls.over) {
    exchange.response.statusCode = 204;
    exchange.finish();
    return;
  }
  const request = method.clientStreaming ? undefined : await readAllowed(call);
  const allowed = request?.allowed ?? call.allowed;
  const live = liveStream(call, (status) => exchange.stop(status));
  exchange.isStream = true;
  const leave = takePlace(gateway, exchange, live, allowed);
  try {
    await admit(gateway, exchange, caller, allowed);
    if (request === undefined) {
      const duplex = await gateway.upstream.duplex(method, options);
      await answerStream(gateway, exchange, {
        route,
        accept,
        controls,
        resumeAfter: controls.resumeAfter,
        call: duplex,
        feeding: feed(call, live, duplex),
      });
    } else {
      const stream = await openStream(call, controls, request);
      const resumeAfter = resumedAfter(method.stream, request.message);
      await answerStream(gateway, exchange, { route, accept, controls, resumeAfter, call: stream, feeding: undefined });
    }
  } finally {
    leave();
  }
}

function liveStream({ exchange, caller, route }: Call, end: (status: StreamEnd) => void): LiveStream {
  return {
    identity: caller.identity,
    method: route.method.name,
    // The entry may become another one while the stream is open.
    get entry() {
      return exchange.grant?.decision.entry ?? '';
    },
    end,
  };
}

/** Reads the one request of a call and decides on it. */
async function readAllowed(call: Call): Promise<BoundRequest & { readonly allowed: Allowed }> {
  const { gateway, exchange, caller, route, binder } = call;
  const { message, bytes } = await readRequest(exchange.request, binder, {
    maxBytes: gateway.limits.maxBodyBytes,
    signal: exchange.gone.signal,
  });
  return { message, bytes, allowed: authorize(gateway, exchange, caller, route.method.name, message) };
}

/**
 * Opens the upstream call of a stream, or joins one that a reader with the same certificate has open for the same
 * request and metadata. A reader that may hold the stream back, that says where to begin or that names a deadline has a call of
 * its own.
 */
async function openStream(
  call: Call,
  controls: StreamControls,
  { message, bytes }: BoundRequest,
): Promise<StreamCall | SharedStream> {
  const { gateway, caller, route, options } = call;
  const { method } = route;
  const alone =
    !method.stream.shareable ||
    controls.overflow === 'block' ||
    beginsByItself(method.stream, message) ||
    options.deadlineMs !== undefined;
  if (alone) return gateway.upstream.serverStream(method, bytes, options);
  const sent = answeringMetadata(options.metadata);
  const key = `${method.name} ${caller.identity.sha256} ${bytes.toString('base64')} ${sent}`;
  return gateway.shared.join(key, options.signal, (signal) =>
    gateway.upstream.serverStream(method, bytes, { ...options, signal }),
  );
}

/** Sends the caller's messages on as they come, each decided on by itself. A fault ends the call. */
async function feed(call: Call, live: LiveStream, duplex: DuplexCall): Promise<void> {
  const { gateway, exchange, caller, binder } = call;
  const limits = { maxBytes: gateway.limits.maxBodyBytes, signal: exchange.gone.signal };
  try {
    for await (const bound of readRequests(exchange.request, binder, limits)) {
      await recorded(gateway, exchange, authorizeNext(gateway, exchange, caller, live, bound.message));
      await duplex.send(bound.bytes);
    }
    duplex.endInput();
  } catch (error) {
    duplex.cancel();
    throw error;
  }
}

/** Never resolves; rejects when the promise does. */
async function failureOf(feeding: Promise<void>): Promise<never> {
  await feeding;
  return new Promise(() => {});
}

/** The one answer of a call whose request was a stream. */
async function onlyMessage(duplex: DuplexCall): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let answer: Uint8Array | undefined;
    duplex.onMessage((bytes) => {
      answer = bytes;
    });
    duplex.onEnd(({ code, message, details }) => {
      if (code === 'OK' && answer !== undefined) resolve(answer);
      else if (code === 'OK') reject(new PassbandError('INTERNAL', 'the backend gave no answer'));
      else reject(new PassbandError(code, message, { details }));
    });
  });
}

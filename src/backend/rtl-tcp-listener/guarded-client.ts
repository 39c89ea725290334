import type { TLSSocket } from 'node:tls';
import { Metadata } from '@grpc/grpc-js';
import { codeNumber, PassbandError } from '../../errors.ts';
import type { CallGuard } from '../door/call-guard.ts';
import type { Connection } from '../door/connections.ts';
import type { EndReason } from '../iq/frames/frame-origin.ts';
import type { Station } from '../stations/station.ts';

/**
 * What the policy is asked for a client of rtl_tcp: to subscribe to the station. Whoever may do that by gRPC may do it
 * by rtl_tcp.
 */
const METHOD = '/sdr.oran.IQStreamService/SubscribeIQ';

/** A client's right to read, while it lasts. */
export interface ReadingRight {
  /** Lets a block out by calling `go`, at once or when the client's rate allows. */
  pace(block: Buffer, go: () => void): void;
  /** The samples have ended before the right did: that is how the call ended, and not by the client. */
  over(reason: EndReason): void;
}

/**
 * Asks whether the holder of a connection's certificate may read a station, as a call of SubscribeIQ is asked: with its
 * limits, its line in the audit journal, and the end of the connection when the right is lost.
 *
 * @param granted called when it may; when it may not, the connection is closed and it never is.
 */
export function askToRead(
  socket: TLSSocket,
  connection: Connection,
  station: Station,
  guard: CallGuard,
  granted: (right: ReadingRight) => void,
): void {
  const call = guard.begin({
    path: METHOD,
    isKnown: true,
    streaming: true,
    remote: connection.remote,
    connection,
    sampleRateHz: () => station.hub.source.tuning.sampleRateHz,
    // The protocol has no way to say why.
    end: () => socket.destroy(),
  });
  // Judged by the deadline of the call, and it has none.
  socket.once('close', () => call.cancelled(Number.POSITIVE_INFINITY));
  const right: ReadingRight = {
    pace: (block, go) => call.response(block, go),
    over: (reason) => void call.finish(codeNumber(reason instanceof PassbandError ? reason.code : 'OK')),
  };
  call.admit(new Metadata(), () =>
    call.request({ station_id: station.id, datatype: 'cu8' }, () => {
      if (!socket.destroyed) granted(right);
    }),
  );
}

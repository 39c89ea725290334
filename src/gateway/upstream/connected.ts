import * as grpc from '@grpc/grpc-js';
import { PassbandError } from '../../errors.ts';

/** How long a call waits for a connection that is being made, milliseconds: a little over the longest reconnect pause. */
const CONNECT_WAIT_MS = 1_500;

/**
 * Gives a connection that is just being made its chance, so that the first call after a backend's return succeeds. A
 * backend that stays away is for the call itself to report.
 *
 * @param call its deadline, milliseconds since 1970, and what cancels it.
 * @returns whether there is one.
 * @throws PassbandError CANCELLED when it was cancelled meanwhile (rejected).
 */
export async function connected(
  client: grpc.Client,
  call: { readonly deadlineMs: number | undefined; readonly signal: AbortSignal },
): Promise<boolean> {
  if (client.getChannel().getConnectivityState(true) === grpc.connectivityState.READY) return true;
  const until = Math.min(Date.now() + CONNECT_WAIT_MS, call.deadlineMs ?? Number.POSITIVE_INFINITY);
  const isConnected = await new Promise<boolean>((resolve) => client.waitForReady(until, (error) => resolve(!error)));
  if (call.signal.aborted) throw new PassbandError('CANCELLED', 'the call was cancelled');
  return isConnected;
}

import { type ErrorDetail, PassbandError } from './errors.ts';

const TYPE = 'type.googleapis.com/google.rpc.ErrorInfo';
const REASON = 'PEER_REFUSED';
const DOMAIN = 'passband';

/**
 * How a backend says in the details of a status that it does not accept the peer itself, a gateway that calls on behalf of
 * somebody: the fault is none of theirs, whatever the code and the text.
 */
const PEER_REFUSED: ErrorDetail = Object.freeze({ '@type': TYPE, reason: REASON, domain: DOMAIN });

/** Whether a detail of a status says that the backend does not accept who called. */
export function isPeerRefused({ '@type': type, reason, domain }: ErrorDetail): boolean {
  return type === TYPE && reason === REASON && domain === DOMAIN;
}

/**
 * Has what is done answer for the peer.
 *
 * @throws PassbandError that is thrown by what is done, with the mark; anything else as it is.
 */
export function faultOfPeer<T>(done: () => T): T {
  try {
    return done();
  } catch (error) {
    if (!(error instanceof PassbandError)) throw error;
    const { code, publicMessage, cause, status, headers, details } = error;
    throw new PassbandError(code, publicMessage, { cause, status, headers, details: [...details, PEER_REFUSED] });
  }
}

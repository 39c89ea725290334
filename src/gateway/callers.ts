import type { Audit } from '../audit/audit.ts';
import { PassbandError } from '../errors.ts';
import type { PeerChain, Trust } from '../trust/trust.ts';
import type { EdgeConnection } from './edge/connection.ts';
import { type Peer, peerOf } from './edge/peer.ts';
import type { Exchange } from './exchange.ts';
import { type Identity, identityFromCertificate, identityToJson } from './guard/identity.ts';
import { certificateFault, LAST_WORD_MS, type LiveConnection, type LiveConnections } from './guard/live-connections.ts';

/** Milliseconds that a connection whose certificate is good for nothing has to be told so by asking something. */
const REFUSED_LINGER_MS = 5_000;

/** Who is calling, as this connection proves it. */
export interface Caller {
  readonly identity: Identity;
  /** The identity as the backend is told it. */
  readonly identityJson: string;
  readonly peer: Peer;
}

/** Asks an OCSP responder about a certificate; the answer is why it is not good, undefined when it is. */
export interface OcspQuestion {
  fault(chain: PeerChain, trust: Trust, nowMs: number): Promise<string | undefined>;
}

/** By what callers are found. */
export interface CallersOptions {
  readonly trust: () => Trust;
  readonly connections: LiveConnections;
  readonly audit: Audit;
  /** Undefined when nobody asks. */
  readonly ocsp?: OcspQuestion | undefined;
}

/** What a connection's certificate says, read once. */
interface Known {
  readonly live: LiveConnection;
  readonly who: Caller | PassbandError;
}

/**
 * Finds the caller of a request. The certificate is parsed once a connection, but whether it still stands is looked at on
 * every request: a connection, or a resumed session, may outlive it.
 */
export class Callers {
  private readonly known = new WeakMap<EdgeConnection, Known>();
  private readonly options: CallersOptions;

  constructor(options: CallersOptions) {
    this.options = options;
  }

  /** Registers a connection, so that it ends with its certificate's standing whether or not it asks anything. */
  connected(connection: EdgeConnection): void {
    if (connection.certificate === undefined) return;
    const { live } = this.read({ certificate: connection.certificate, address: connection.address, connection });
    const { connections, trust } = this.options;
    connection.onClose(connections.add(live));
    if (certificateFault(trust(), live.chain, Date.now()) === undefined) return;
    const linger = setTimeout(() => live.close(), REFUSED_LINGER_MS).unref();
    connection.onClose(() => clearTimeout(linger));
  }

  /**
   * The caller of an exchange, which from now on ends with the right that it is let in by.
   *
   * @throws PassbandError UNAUTHENTICATED when there is no certificate, or it is not valid, revoked or of no authority;
   * PERMISSION_DENIED when it names nobody. Each leaves an audit line.
   */
  async of(exchange: Exchange): Promise<Caller> {
    const peer = this.peer(exchange);
    exchange.address = peer.address;
    const { live, who } = this.known.get(peer.connection) ?? this.read(peer);
    exchange.identity = live.identity;
    live.calls.add(exchange);
    exchange.response.once('close', () => live.calls.delete(exchange));
    const refusal = this.unlisted(live) ?? (await this.unanswered(exchange, live)) ?? this.unlisted(live);
    if (refusal !== undefined) {
      // After the answer, which waits for nothing else.
      live.close();
      throw this.refused(exchange, new PassbandError('UNAUTHENTICATED', refusal));
    }
    if (who instanceof PassbandError) throw this.refused(exchange, who);
    return who;
  }

  /** Asks the OCSP responder of a connection that is open, and ends it and its calls when the certificate is not good. */
  async askAgain(connection: LiveConnection): Promise<void> {
    const { trust, ocsp, connections } = this.options;
    const fault = await ocsp?.fault(connection.chain, trust(), Date.now());
    if (fault !== undefined) connections.end(connection, { code: 'UNAUTHENTICATED', message: fault });
  }

  /** Why the lists, the bundle or the date refuse a certificate at this moment. */
  private unlisted({ chain }: LiveConnection): string | undefined {
    return certificateFault(this.options.trust(), chain, Date.now())?.message;
  }

  /** Why the OCSP responder refuses a certificate; then all else that is open with the same is asked about as well. */
  private async unanswered(exchange: Exchange, { chain, calls }: LiveConnection): Promise<string | undefined> {
    const { trust, ocsp, connections } = this.options;
    const fault = await ocsp?.fault(chain, trust(), Date.now());
    if (fault === undefined) return undefined;
    // It has an answer of its own.
    calls.delete(exchange);
    for (const other of connections.all()) {
      if (other.chain.leaf.fingerprint256 === chain.leaf.fingerprint256) void this.askAgain(other);
    }
    return fault;
  }

  private peer(exchange: Exchange): Peer {
    try {
      return peerOf(exchange.request);
    } catch (error) {
      throw this.refused(exchange, PassbandError.from(error));
    }
  }

  private read(peer: Peer): Known {
    const who = callerOf(peer);
    const known = {
      who,
      live: {
        // Node does not show a server what the client sent along: what leads to a root must be in the bundle.
        chain: { leaf: peer.certificate, intermediates: [] },
        identity: who instanceof PassbandError ? undefined : who.identity,
        calls: new Set<Exchange>(),
        close: () => peer.connection.close(LAST_WORD_MS),
      },
    };
    this.known.set(peer.connection, known);
    return known;
  }

  private refused(exchange: Exchange, error: PassbandError): PassbandError {
    const { code, publicMessage: reason, cause } = error;
    this.options.audit.decision(exchange.facts(), { outcome: 'deny', code, reason, cause });
    return error;
  }
}

function callerOf(peer: Peer): Caller | PassbandError {
  try {
    const identity = identityFromCertificate(peer.certificate.raw);
    return { identity, identityJson: identityToJson(identity), peer };
  } catch (error) {
    return PassbandError.from(error);
  }
}

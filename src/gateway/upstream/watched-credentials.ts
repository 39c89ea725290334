import { TLSSocket } from 'node:tls';
import { ChannelCredentials } from '@grpc/grpc-js';

type CreateConnector = ChannelCredentials['_createSecureConnector'];

/** Credentials that tell of each connection that a channel has made with them, since grpc-js itself does not. */
export class WatchedCredentials extends ChannelCredentials {
  private readonly inner: ChannelCredentials;
  private readonly onConnected: (socket: TLSSocket) => void;

  /** @param onConnected called when TLS has found the other end good, before anything is sent to it. */
  constructor(inner: ChannelCredentials, onConnected: (socket: TLSSocket) => void) {
    super();
    this.inner = inner;
    this.onConnected = onConnected;
  }

  override _isSecure(): boolean {
    return this.inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...args: Parameters<CreateConnector>): ReturnType<CreateConnector> {
    const connector = this.inner._createSecureConnector(...args);
    return {
      connect: async (socket) => {
        const connected = await connector.connect(socket);
        if (connected.socket instanceof TLSSocket) this.onConnected(connected.socket);
        return connected;
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  }
}

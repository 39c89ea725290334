import type { BackendPeers } from './backend-peers.ts';
import type { CallOptions, ChannelCalls, Upstream } from './call.ts';

/**
 * Channels that may still carry calls from before a change of certificates. Beyond it the oldest is cut: certificates that
 * change more often than calls end are changed by mistake.
 */
const MAX_RETIRED_CHANNELS = 4;

/** A channel, and whom it has met. */
export interface Channel {
  readonly calls: ChannelCalls;
  readonly peers: BackendPeers;
}

/**
 * The backend over a channel that is replaced when certificates change: new calls go over the new one, those that run come
 * to their ends over the one that they began on.
 */
export class RotatingUpstream implements Upstream {
  private readonly open: () => Channel;
  private current: Channel;
  private readonly retired = new Set<Channel>();

  /** @param open opens a channel with the certificates in use. */
  constructor(open: () => Channel) {
    this.open = open;
    this.current = open();
  }

  /** Channels that are open: the one in use, and those that still carry calls from before. */
  get channels(): number {
    return 1 + this.retired.size;
  }

  /** Opens a new channel for all calls from now on. */
  replace(): void {
    const before = this.current;
    this.current = this.open();
    this.retired.add(before);
    before.calls.retire(() => this.retired.delete(before));
    const [oldest] = this.retired;
    if (this.retired.size > MAX_RETIRED_CHANNELS && oldest !== undefined) this.cut(oldest);
  }

  /**
   * Cuts the connections to backends whose certificates have lost their standing; gives the reasons. A channel makes new ones
   * where it can.
   */
  judge(): readonly string[] {
    return [this.current, ...this.retired].flatMap(({ peers }) => peers.judge());
  }

  readonly unary: Upstream['unary'] = (method, request, options) => this.current.calls.unary(method, request, options);

  readonly serverStream: Upstream['serverStream'] = (method, request, options) =>
    this.current.calls.serverStream(method, request, options);

  readonly duplex: Upstream['duplex'] = (method, options) => this.current.calls.duplex(method, options);

  probe(path: string, request: Buffer, options: CallOptions): Promise<Buffer> {
    return this.current.calls.probe(path, request, options);
  }

  close(): void {
    for (const channel of [this.current, ...this.retired]) this.cut(channel);
  }

  private cut(channel: Channel): void {
    this.retired.delete(channel);
    channel.calls.close();
  }
}

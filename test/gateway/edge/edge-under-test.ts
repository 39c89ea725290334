import type { RequestListener } from 'node:http';
import type { PassbandError } from '../../../src/errors.ts';
import { type Listener, type ListenerOptions, startListener } from '../../../src/gateway/edge/listener.ts';
import { loadTlsMaterial } from '../../../src/pki/tls-files.ts';
import { makeTestPki, type TestPki } from '../../support/pki.ts';
import type { RawOptions } from '../../support/raw.ts';

/** A listener alone, with a handler of the test's own. */
export interface EdgeUnderTest {
  readonly listener: Listener;
  readonly pki: TestPki;
  /** Connections that are open, as the listener tells. */
  readonly open: () => number;
  /** Why connections were refused, in their order. */
  readonly refused: readonly string[];
  /** What could not be read, in its order. */
  readonly unreadable: readonly PassbandError[];
  /** How to reach it with the client's certificate. */
  readonly asClient: RawOptions;
  stop(): Promise<void>;
}

/** Starts a listener on a free port, with a PKI of its own unless it is given one, which it leaves to its giver. */
export async function startEdge(
  handler: RequestListener,
  options: Partial<ListenerOptions> = {},
  givenPki?: TestPki,
): Promise<EdgeUnderTest> {
  const pki = givenPki ?? (await makeTestPki());
  const refused: string[] = [];
  const unreadable: PassbandError[] = [];
  let open = 0;
  const listener = await startListener(handler, {
    host: '127.0.0.1',
    port: 0,
    tls: await loadTlsMaterial(pki.dir, 'server'),
    maxConnections: 100,
    maxConnectionsPerCn: 100,
    holderOf: () => 'anyone',
    events: {
      open: (count) => {
        open = count;
      },
      refused: (reason) => refused.push(reason),
    },
    onUnreadable: (error) => {
      unreadable.push(error);
      return { contentType: 'text/plain', body: error.publicMessage };
    },
    ...options,
  });
  const asClient = { port: listener.port, caPem: pki.caPem, pair: await pki.pair('client') };
  return {
    listener,
    pki,
    open: () => open,
    refused,
    unreadable,
    asClient,
    stop: async () => {
      await listener.closeAll();
      if (givenPki === undefined) await pki.remove();
    },
  };
}

import type { Logger } from 'pino';
import type { Clock } from '../../clock.ts';
import type { Site } from '../../stations/site.ts';
import { unlessAborted } from '../../unless-aborted.ts';
import type { SourceConfig } from './config.ts';
import { PacedSource } from './paced-source.ts';
import { PushSource } from './push.ts';
import { RtlTcpSource } from './rtl-tcp.ts';
import { openSigmf } from './sigmf.ts';
import { openSim } from './sim-open.ts';
import type { Source } from './source.ts';
import { ZmqSource } from './zmq-source.ts';

/** What a source is given besides its settings. */
export interface SourceContext {
  readonly stationId: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the station's antenna stands, where that is known. */
  readonly site?: Site;
  /** Ends the opening: its reason is thrown at once, and what is opened after all is closed. */
  readonly signal: AbortSignal;
}

/**
 * Makes a source from its settings. Recordings are read and checked; nothing is connected before it is started.
 *
 * @throws UsageError that names what is wrong; or the reason of the signal.
 */
export function openSource(config: SourceConfig, context: SourceContext): Promise<Source> {
  return unlessAborted(openAnyhow(config, context), context.signal, (late) => late.close());
}

async function openAnyhow(config: SourceConfig, context: SourceContext): Promise<Source> {
  const { clock } = context;
  switch (config.kind) {
    case 'sim':
      return new PacedSource(openSim(config, context), clock, context.log.child({ station: context.stationId }));
    case 'sigmf':
      return openSigmf(config, context);
    case 'rtl_tcp':
      return new RtlTcpSource(config, context);
    case 'zmq': {
      // Loaded where it is wanted: the library is native, and a program without such stations has no need of it.
      const { subscribeZmq } = await import('./zmq.ts');
      return new ZmqSource(config, { ...context, subscribe: subscribeZmq });
    }
    case 'push':
      return new PushSource(config, context);
  }
}

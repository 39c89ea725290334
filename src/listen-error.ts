import { UsageError } from './errors.ts';

/** Who wanted to listen, where, and which settings say so. */
export interface Listening {
  /** Begins the message, such as `the gateway`. */
  readonly who: string;
  readonly host: string;
  readonly port: number;
  /** Names of the settings, without the dashes. */
  readonly hostSetting: string;
  readonly portSetting: string;
}

/** Why an address could not be listened on, in the operator's words: the setting, its value and what to do. */
export function listenError(error: Error & { readonly code?: string }, listening: Listening): UsageError {
  const { who, host, port, hostSetting, portSetting } = listening;
  return new UsageError(`${who} cannot listen: ${reason()}`, { cause: error });

  function reason(): string {
    switch (error.code) {
      case 'EADDRINUSE':
        return `port ${port} is in use; choose another with --${portSetting}, or 0 for any free one`;
      case 'EACCES':
        return `port ${port} needs more rights; choose one from 1024 up with --${portSetting}`;
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return `--${hostSetting} ${host} is a name that leads to no address; name an address of this machine, or :: for all`;
      case 'EADDRNOTAVAIL':
        return `--${hostSetting} ${host} is no address of this machine; name one that is, or :: for all`;
      case 'EAFNOSUPPORT':
        return `--${hostSetting} ${host}: this machine has no such addresses; 0.0.0.0 stands for all of IPv4`;
      default:
        return `--${hostSetting} ${host} with --${portSetting} ${port} (${error.message}); choose another address or port`;
    }
  }
}

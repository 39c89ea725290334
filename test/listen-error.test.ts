import { expect, it } from '@jest/globals';
import { UsageError } from '../src/errors.ts';
import { listenError } from '../src/listen-error.ts';

const listening = { who: 'the gateway', host: 'radio', port: 80, hostSetting: 'host', portSetting: 'port' };

it.each([
  ['EADDRINUSE', 'port 80 is in use; choose another with --port, or 0 for any free one'],
  ['EACCES', 'port 80 needs more rights; choose one from 1024 up with --port'],
  ['ENOTFOUND', '--host radio is a name that leads to no address; name an address of this machine, or :: for all'],
  ['EAI_AGAIN', '--host radio is a name that leads to no address; name an address of this machine, or :: for all'],
  ['EADDRNOTAVAIL', '--host radio is no address of this machine; name one that is, or :: for all'],
  ['EAFNOSUPPORT', '--host radio: this machine has no such addresses; 0.0.0.0 stands for all of IPv4'],
  ['EMFILE', '--host radio with --port 80 (no luck); choose another address or port'],
])('%s is told with the setting, the value and what to do', (code, says) => {
  const cause = Object.assign(new Error('no luck'), { code });
  expect(listenError(cause, listening)).toEqual(new UsageError(`the gateway cannot listen: ${says}`, { cause }));
});

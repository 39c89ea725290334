import { it } from '@jest/globals';
import { receivePass } from './received-pass.ts';

// The whole pass takes longer and is in test/slow.
it('a carrier at 2.25 GHz stays within 1 Hz while the satellite is nearest and its shift falls fastest', () =>
  receivePass({ carrierHz: 2.25e9, aroundS: 8 }));

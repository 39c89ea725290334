import { it } from '@jest/globals';
import { receivePass } from '../backend/antenna/received-pass.ts';

it(
  'from rising to setting, within 1 Hz at 437 MHz, while the server tracks by the element set alone',
  () => receivePass({ carrierHz: 437e6, aroundS: 3600 }),
  300_000,
);

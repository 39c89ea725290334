// needs: curl
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { serviceDefinition } from '../../src/backend/protos.ts';
import { type Curl, curlOf } from '../support/curl.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let curl: Curl;
beforeAll(async () => {
  stack = await startStack();
  curl = curlOf(stack.gatewayUrl, stack.certsDir);
});
afterAll(() => stack?.close());

it('what the path says of a message goes into the one that the body has, for our own backend as well', async () => {
  const request = serviceDefinition('sdr.oran.StationService').UpdateStation?.requestSerialize({
    station: { description: 'renamed' },
  });
  // The station alone: without its tag and its length of one byte each.
  const station = request?.subarray(2) ?? Buffer.alloc(0);
  const answer = await curl.feed(
    station,
    '/v1/stations/sim-1',
    ...['-X', 'PATCH', '-H', 'content-type: application/x-protobuf', '--data-binary', '@-'],
  );
  expect([answer.status, answer.json().description]).toEqual([200, 'renamed']);
  expect((await curl('/v1/stations/sim-1')).json()).toMatchObject({ stationId: 'sim-1', description: 'renamed' });
});

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { refusedGateway } from '../../src/gateway/refused-gateway.ts';
import { gatewayMetrics } from '../../src/observability/gateway-metrics.ts';
import { loadTlsMaterial } from '../../src/pki/tls-files.ts';
import { makeTestPki, type TestPki } from '../support/pki.ts';

let pki: TestPki;
beforeAll(async () => {
  pki = await makeTestPki();
});
afterAll(() => pki.remove());

it('says so once a minute, with how many calls went unsaid, and counts all', async () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const registry = new Registry();
  const { refused } = refusedGateway(
    { log, metrics: gatewayMetrics(registry) },
    await loadTlsMaterial(pki.dir, 'gateway'),
  );
  let nowMs = 1;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
  try {
    for (const moment of [1, 2, 59_999, 60_001, 60_002, 120_001]) {
      nowMs = moment;
      refused(`at ${moment}`);
    }
  } finally {
    clock.mockRestore();
  }
  expect(lines.map(({ level, reason, unsaid }) => [level, reason, unsaid])).toEqual([
    [50, 'at 1', undefined],
    [50, 'at 60001', 2],
    [50, 'at 120001', 1],
  ]);
  expect(await registry.metrics()).toMatch(/^passband_gateway_refused_total 6$/m);
});

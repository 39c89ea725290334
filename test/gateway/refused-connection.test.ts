import { Writable } from 'node:stream';
import { afterEach, expect, it, jest } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { noAudit } from '../../src/audit/audit.ts';
import { refusedConnection } from '../../src/gateway/refused-connection.ts';
import { gatewayMetrics } from '../../src/observability/gateway-metrics.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

it('tells of ten refused certificates a second, and how many it has not told of', () => {
  const warned: Record<string, unknown>[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      warned.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const registry = new Registry();
  const refused = refusedConnection({
    log: pino({ level: 'warn' }, sink),
    metrics: gatewayMetrics(registry),
    audit: noAudit,
  });
  let nowMs = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const refuse = (times: number): void => {
    for (let i = 0; i < times; i++) {
      refused('handshake', { detail: 'CERT_HAS_EXPIRED', remote: '192.0.2.1', isOfCertificate: true });
      refused('handshake', { detail: 'no shared cipher', remote: '192.0.2.1' });
    }
  };
  const line = { msg: 'connection refused', detail: 'CERT_HAS_EXPIRED', remote: '192.0.2.1' };
  refuse(25);
  expect(warned.map(({ unsaid }) => unsaid)).toEqual(Array.from({ length: 10 }));
  expect(warned).toEqual(Array.from({ length: 10 }, () => expect.objectContaining(line)));
  nowMs = 1_000;
  refuse(2);
  expect(warned.slice(10)).toEqual([expect.objectContaining({ ...line, unsaid: 15 }), expect.objectContaining(line)]);
});

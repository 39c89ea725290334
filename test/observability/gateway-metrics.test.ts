import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { gatewayMetrics } from '../../src/observability/gateway-metrics.ts';

/** All label values of a metric. */
async function labelsOf(registry: Registry, name: string): Promise<Set<string>> {
  const metric = await registry.getSingleMetric(name)?.get();
  return new Set(
    metric?.values.flatMap(({ labels }) => Object.entries(labels).map(([key, value]) => `${key}=${value}`)),
  );
}

describe('the gateway’s metrics', () => {
  it('call a method that no standard knows _OTHER', async () => {
    const registry = new Registry();
    const metrics = gatewayMetrics(registry);
    for (const method of ['GET', 'BREW', 'get', 'x'.repeat(100)]) {
      metrics.request({ method, route: '', status: 404, code: 'NOT_FOUND' }, 0.01);
    }
    const labels = await labelsOf(registry, 'http_server_request_duration_seconds');
    const methods = [...labels].filter((label) => label.startsWith('http_request_method='));
    expect(methods.sort()).toEqual(['http_request_method=GET', 'http_request_method=_OTHER']);
  });

  it('count streams up and down, frames, bytes and drops', async () => {
    const registry = new Registry();
    const metrics = gatewayMetrics(registry);
    metrics.streamStarted('s.S/M', 'sse');
    metrics.streamStarted('s.S/M', 'sse');
    metrics.streamEnded('s.S/M', 'sse');
    metrics.frame('s.S/M', 'sse', 100);
    metrics.frame('s.S/M', 'sse', 20);
    metrics.dropped('s.S/M', 7);
    metrics.denied('s.S/M');
    metrics.connections(4);
    metrics.connectionRefused('per_cn');
    const text = await registry.metrics();
    expect(text).toContain('passband_streams_active{rpc="s.S/M",format="sse"} 1\n');
    expect(text).toContain('passband_stream_frames_total{rpc="s.S/M",format="sse"} 2\n');
    expect(text).toContain('passband_stream_bytes_total{rpc="s.S/M",format="sse"} 120\n');
    expect(text).toContain('passband_stream_dropped_frames_total{rpc="s.S/M"} 7\n');
    expect(text).toContain('passband_denied_total{rpc="s.S/M"} 1\n');
    expect(text).toContain('passband_connections_open 4\n');
    expect(text).toContain('passband_connections_refused_total{reason="per_cn"} 1\n');
  });
});

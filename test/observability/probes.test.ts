import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Counter, Registry } from 'prom-client';
import { type Probes, startProbes } from '../../src/observability/probes.ts';

let probes: Probes;
let ready: () => Promise<boolean> = async () => true;

beforeAll(async () => {
  const registry = new Registry();
  new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3);
  probes = await startProbes({ host: '127.0.0.1', port: 0, registry, ready: () => ready() });
});
afterAll(() => probes?.close());

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${probes.port}${path}`, init);

describe('the probe listener', () => {
  it('shows metrics in the text format of Prometheus', async () => {
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('\nthings_total 3\n');
  });

  it('says that the process lives', async () => {
    const response = await get('/healthz');
    expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
  });

  it.each<readonly [string, () => Promise<boolean>, number]>([
    ['can serve', async () => true, 200],
    ['cannot serve', async () => false, 503],
    ['does not know', async () => Promise.reject(new Error('secret')), 500],
  ])('says whether it %s', async (_, answer, status) => {
    ready = answer;
    const response = await get('/readyz');
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain('secret');
  });

  it.each([
    '/',
    '/v1/stations',
    '/openapi.json',
    '/docs',
    '/whoami',
    '/metrics/',
    '/metrics?x=1',
    '/../metrics',
    '//metrics',
  ])('has nothing at %s', async (path) => {
    // Not by fetch, which would tidy the path up.
    const socket = connect(probes.port, '127.0.0.1');
    socket.end(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 404 /);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('takes no %s', async (method) => {
    expect((await get('/metrics', { method })).status).toBe(405);
  });

  it('answers HEAD without a body', async () => {
    const response = await get('/healthz', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('listens on loopback alone', async () => {
    const others = Object.values(networkInterfaces())
      .flat()
      .flatMap((other) => (other !== undefined && !other.internal && other.family === 'IPv4' ? [other.address] : []));
    // A listener on every address is at this one, too, on a machine without any network.
    for (const other of ['127.0.0.2', ...others]) {
      const outcome = await new Promise((resolve) => {
        const socket = connect(probes.port, other);
        socket.once('connect', () => resolve('connected'));
        socket.once('error', () => resolve('refused'));
      });
      expect(outcome).toBe('refused');
    }
  });
});

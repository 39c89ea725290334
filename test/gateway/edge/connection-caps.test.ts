import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { holderOf } from '../../../src/gateway/guard/holder.ts';
import type { ClientPair } from '../../support/https.ts';
import { rawConnect, rawExchange, requestText, untilClosed } from '../../support/raw.ts';
import { until } from '../../support/until.ts';
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts';

let edge: EdgeUnderTest;
let dashboard: ClientPair;
const held: TLSSocket[] = [];

beforeAll(async () => {
  edge = await startEdge((_request, response) => response.end('served'), {
    maxConnections: 5,
    maxConnectionsPerCn: 2,
    holderOf,
  });
  dashboard = await edge.pki.pair('dashboard');
});
afterEach(async () => {
  for (const socket of held.splice(0)) socket.destroy();
  await until('the connections are closed', edge.open, (open) => open === 0);
});
afterAll(() => edge?.stop());

/** A connection that is served and then kept. */
async function hold(pair: ClientPair | undefined, alpn = ['http/1.1']): Promise<void> {
  const socket = rawConnect({ ...edge.asClient, pair, alpn });
  held.push(socket);
  if (alpn.includes('h2')) {
    await once(socket, 'secureConnect');
    await once(socket, 'data');
    return;
  }
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
}

it('refuses one CN the connections beyond its share, whatever it speaks, and others none', async () => {
  await hold(edge.asClient.pair);
  await hold(edge.asClient.pair, ['h2']);
  const refused = edge.refused.length;
  for (const alpn of [['http/1.1'], ['h2']]) {
    const answer = await untilClosed(rawConnect({ ...edge.asClient, alpn }));
    expect(answer.status).toBe(0);
  }
  expect(edge.refused.slice(refused)).toEqual(['per_cn', 'per_cn']);
  expect((await rawExchange({ ...edge.asClient, pair: dashboard }, requestText('GET', '/'))).status).toBe(200);
});

it.each([
  ['two CNs', { cn: ['one', 'two'] }],
  ['no CN', { cn: null }],
  ['a CN with a control character', { cn: 'a\tb' }],
])('counts the connections of a certificate with %s under that certificate', async (_name, subject) => {
  const [nameless, another] = [await edge.pki.issue(subject), await edge.pki.issue(subject)];
  await hold(nameless);
  await hold(nameless);
  const refused = edge.refused.length;
  expect((await untilClosed(rawConnect({ ...edge.asClient, pair: nameless }))).status).toBe(0);
  expect(edge.refused.slice(refused)).toEqual(['per_cn']);
  await hold(another);
});

it('gives the place of a closed connection to the next', async () => {
  await hold(edge.asClient.pair);
  await hold(edge.asClient.pair);
  held[0]?.destroy();
  await until('the first is closed', edge.open, (open) => open === 1);
  expect((await rawExchange(edge.asClient, requestText('GET', '/'))).status).toBe(200);
});

it('refuses everyone the connections beyond the total', async () => {
  const third = await edge.pki.issue({ cn: 'third' });
  for (const pair of [edge.asClient.pair, edge.asClient.pair, dashboard, dashboard, third]) await hold(pair);
  const refused = edge.refused.length;
  const answer = await untilClosed(rawConnect({ ...edge.asClient, pair: third }));
  expect(answer.text).toBe('');
  expect(edge.refused.slice(refused)).toEqual(['total']);
});

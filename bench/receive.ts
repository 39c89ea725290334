// Receives one whole stream and says how long it took. Both receivers only count bytes; neither decodes a sample.
// usage: node bench/receive.ts grpc CERTS PORT | sse CERTS PORT     (prints seconds, bytes, own CPU seconds)
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import { openChannel } from '../src/gateway/upstream/channel.ts';
import { loadTlsMaterial } from '../src/pki/tls-files.ts';

const [kind = '', certs = '', port = ''] = process.argv.slice(2);

async function overGrpc(): Promise<number> {
  const tls = await loadTlsMaterial(certs, 'gateway');
  const client = openChannel({ backend: `localhost:${port}`, tls, serviceConfig: {} });
  await new Promise<void>((resolve) => client.waitForReady(Date.now() + 5000, () => resolve()));
  started = process.hrtime.bigint();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const path = '/sdr.oran.IQStreamService/SubscribeIQ';
  const call = client.makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0), new Metadata());
  let bytes = 0;
  call.on('data', (message: Buffer) => {
    bytes += message.length;
  });
  await new Promise((resolve, reject) => call.on('end', resolve).on('error', reject));
  client.close();
  return bytes;
}

async function overSse(): Promise<number> {
  const pair = { ca: 'ca.crt', cert: 'client.crt', key: 'client.key' };
  const tls = Object.fromEntries(Object.entries(pair).map(([name, file]) => [name, readFileSync(join(certs, file))]));
  started = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const path = '/v1/stations/bench/iq?overflow=block';
    request({ host: 'localhost', port: Number(port), path, ...tls }, (response) => {
      let bytes = 0;
      let tail = '';
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        tail = chunk.toString('latin1').slice(-200);
      });
      response.on('end', () => {
        if (tail.includes('event: end') && tail.includes('"code":0')) resolve(bytes);
        else reject(new Error(`the stream did not end well: ${tail}`));
      });
    })
      .on('error', reject)
      .end();
  });
}

let started = process.hrtime.bigint();
const bytes = kind === 'grpc' ? await overGrpc() : await overSse();
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const { user, system } = process.cpuUsage();
process.stdout.write(`${JSON.stringify({ seconds, bytes, cpuSeconds: (user + system) / 1e6 })}\n`);

// A client of its own process that opens many streams over one connection and waits until all of them have ended.
// usage: node many-streams.ts PORT CA CERT KEY COUNT STATION     (prints "open", then how they ended as JSON)
import { readFileSync } from 'node:fs';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';

const [port = '', ...rest] = process.argv.slice(2);
const [ca, cert, key] = rest.slice(0, 3).map((file) => readFileSync(file));
const count = Number(rest[3]);
const asIs = (bytes: Buffer): Buffer => bytes;
const client = new Client(`localhost:${port}`, credentials.createSsl(ca ?? null, key ?? null, cert ?? null));
const station = Buffer.from(rest[4] ?? '');
/** SubscribeIQRequest with station_id = 1. */
const request = Buffer.from([0x0a, station.length, ...station]);

const ends: { code: number; atMs: number }[] = [];
let opened = 0;
for (let i = 0; i < count; i++) {
  const call = client.makeServerStreamRequest('/sdr.oran.IQStreamService/SubscribeIQ', asIs, asIs, request);
  call.on('metadata', () => {
    if (++opened === count) process.stdout.write('open\n');
  });
  call.on('data', () => {});
  call.on('error', ({ code }: ServiceError) => {
    ends.push({ code, atMs: Date.now() });
    if (ends.length === count) {
      process.stdout.write(`${JSON.stringify(ends)}\n`);
      client.close();
    }
  });
}

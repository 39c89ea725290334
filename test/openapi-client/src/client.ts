// Lists the stations, starts one and reads a few frames of it, with nothing but the generated types and a certificate:
//
//     npm run generate && npm run check
//     npm start -- https://localhost:8443 ../../certs/ca.crt ../../certs/client.crt ../../certs/client.key sim-1
import { readFileSync } from 'node:fs';
import createClient from 'openapi-fetch';
import { Agent, setGlobalDispatcher } from 'undici';
import type { components, paths } from './passband.ts';

type Frame = components['schemas']['sdr.oran.IQFrame'];

/** Frames to read before the client has seen enough. */
const FRAMES = 3;

const [baseUrl = '', caFile = '', certFile = '', keyFile = '', station = ''] = process.argv.slice(2);
const agent = new Agent({
  connect: { ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) },
});
setGlobalDispatcher(agent);
// Of the media types that a call can answer with, those that are JSON.
const client = createClient<paths, `application/${string}json`>({ baseUrl });

async function stationIds(): Promise<(string | undefined)[]> {
  const { data, error } = await client.GET('/v1/stations');
  if (error !== undefined) throw new Error(`${error.code}: ${error.detail}`);
  return (data.stations ?? []).map(({ stationId }) => stationId);
}

async function start(): Promise<boolean | undefined> {
  const { data, error } = await client.POST('/v1/stations/{station_id}:start', {
    params: { path: { station_id: station } },
    body: {},
  });
  if (error !== undefined) throw new Error(`${error.code}: ${error.detail}`);
  return data.success;
}

async function frames(): Promise<Frame[]> {
  const { data, error } = await client.GET('/v1/stations/{station_id}/iq', {
    params: { path: { station_id: station }, query: { datatype: 'cu8', batchSizeSamples: 1024, overflow: 'block' } },
    headers: { accept: 'text/event-stream' },
    parseAs: 'stream',
  });
  if (error !== undefined) throw new Error(`${error.code}: ${error.detail}`);
  const found: Frame[] = [];
  let text = '';
  for await (const chunk of (data ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const events = (text + chunk).split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const line = event.split('\n').find((candidate) => candidate.startsWith('data: '));
      if (line !== undefined && !/^event: /m.test(event)) found.push(JSON.parse(line.slice('data: '.length)));
    }
    if (found.length >= FRAMES) break;
  }
  return found.slice(0, FRAMES);
}

async function refusal(): Promise<components['schemas']['Problem'] | undefined> {
  const { error } = await client.GET('/v1/stations/{station_id}', { params: { path: { station_id: 'no-such' } } });
  return error;
}

const result = {
  stations: await stationIds(),
  started: await start(),
  frames: await frames(),
  refusal: await refusal(),
};
console.log(JSON.stringify(result));
await agent.destroy();

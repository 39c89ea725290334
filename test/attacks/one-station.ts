import { messageType } from '../../src/backend/protos.ts';
import { pairIn } from '../support/https.ts';
import { type RawOptions, rawExchange, requestText } from '../support/raw.ts';
import { startRecordingBackend } from '../support/recording-backend.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** A caller may have one station and, where it starts a stream or pushes samples, one band. */
const POLICY = `version: 1
delegates: ["cn:passband-gateway"]
rules:
  - name: one-station
    subjects: ["cn:oran-client"]
    allow:
      - methods:
          - "sdr.oran.IQStreamService/GetStreamStats"
          - "sdr.oran.IQStreamService/StopStream"
          - "sdr.oran.StationService/GetStation"
        where: { station_id: ["sim-1"] }
      - methods: ["sdr.oran.IQStreamService/StartStream", "sdr.oran.IQStreamService/StreamIQ"]
        where: { station_id: ["sim-1"], band: ["C-band"] }
`;
const MESSAGES: Readonly<Record<string, string>> = {
  'sdr.oran.IQStreamService/GetStreamStats': 'sdr.oran.StreamStatsRequest',
  'sdr.oran.IQStreamService/StreamIQ': 'sdr.oran.IQSampleBatch',
  'sdr.oran.IQStreamService/StopStream': 'sdr.oran.StreamStopRequest',
  'sdr.oran.IQStreamService/StartStream': 'sdr.oran.StreamConfig',
  'sdr.oran.StationService/GetStation': 'sdr.oran.GetStationRequest',
};

/** What of a request reached the backend, as gRPC's own library reads it there. */
export interface Arrived {
  readonly station_id: string;
  readonly band?: string;
}

/** A gateway whose policy gives its caller one station, in front of a backend that takes down what arrives. */
export interface OneStation {
  /** How the caller connects. */
  readonly to: RawOptions;
  /** Status of a GET, its target sent as it is. */
  ask(target: string, headerLines?: readonly string[]): Promise<number>;
  /** The messages that arrived since this was last asked. */
  arrived(): Arrived[];
  close(): Promise<void>;
}

/** True of a status by which a request was served. */
export const isServed = (status: number): boolean => status >= 200 && status < 300;

/** Starts one. */
export async function startOneStation(): Promise<OneStation> {
  const stack = await startStack({ backend: false, policy: POLICY });
  const methods = Object.keys(MESSAGES).map((name) => [name, { stream: name.endsWith('StreamIQ') }] as const);
  const backend = await startRecordingBackend(stack.certsDir, stack.backendPort, Object.fromEntries(methods));
  const to = { port: stack.port, caPem: stack.pki.caPem, pair: pairIn(stack.certsDir, 'client') };
  const ask: OneStation['ask'] = async (target, headerLines = []) =>
    (await rawExchange(to, Buffer.from(requestText('GET', target, headerLines), 'latin1'))).status;
  // The channel may still be waiting to try again.
  await until('the backend is reached', async () => (await ask('/v1/stations/sim-1/stats')) === 200);
  backend.take();
  return {
    to,
    ask,
    arrived: () =>
      backend
        .take()
        .flatMap(({ method, requests }) =>
          requests.map((bytes) => messageType(MESSAGES[method] ?? '').deserialize(bytes) as Arrived),
        ),
    close: async () => {
      backend.close();
      await stack.close();
    },
  };
}

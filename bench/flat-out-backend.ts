// A gRPC backend that sends the same IQ frame as fast as its reader takes it, a given number of times, and then ends.
// usage: node bench/flat-out-backend.ts CERTS SAMPLES_PER_FRAME FRAMES    (prints its port)
import { Metadata, Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { loadDescriptors, PASSBAND_PROTO } from '../src/descriptors.ts';
import { encodeMessage, newMessage } from '../src/gateway/routes/message.ts';
import { planOf } from '../src/gateway/routes/plan.ts';
import { loadTlsMaterial } from '../src/pki/tls-files.ts';

const [certs = '', samples = '8192', frames = '1000'] = process.argv.slice(2);
const { methods } = await loadDescriptors({ paths: [PASSBAND_PROTO] });
const method = methods.get('sdr.oran.IQStreamService/SubscribeIQ');
if (method === undefined) throw new Error('SubscribeIQ is gone');
const plan = planOf(method.response);

/** White noise, so that no step on the way can be clever about the content. */
const data = Buffer.alloc(Number(samples) * 8);
for (let i = 0, state = 1; i < data.length; i += 4) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  data.writeFloatLE(state / 2 ** 31 - 1, i);
}

function frame(sequence: number): Buffer {
  const message = newMessage();
  message.station_id = 'bench';
  message.sequence_number = BigInt(sequence);
  message.sample_index = BigInt(sequence) * BigInt(samples);
  message.timestamp_ns = 1_795_315_652_922_504_000n;
  message.center_frequency_hz = 100e6;
  message.sample_rate = 10e6;
  message.datatype = 'cf32_le';
  message.sample_count = Number(samples);
  message.data = data;
  return encodeMessage(plan, message);
}

async function subscribe(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  call.sendMetadata(new Metadata());
  for (let sequence = 1; sequence <= Number(frames) && !call.cancelled; sequence++) {
    if (!call.write(frame(sequence))) await new Promise((resolve) => call.once('drain', resolve));
  }
  call.end();
}

const tls = await loadTlsMaterial(certs, 'backend');
const credentials = ServerCredentials.createSsl(
  Buffer.from(tls.caPem),
  [{ private_key: Buffer.from(tls.keyPem), cert_chain: Buffer.from(tls.certPem) }],
  true,
);
const asIs = (bytes: Buffer): Buffer => bytes;
const server = new Server({ 'grpc-node.flow_control_window': 8 * 1024 * 1024 });
server.addService(
  {
    SubscribeIQ: {
      path: method.path,
      requestStream: false,
      responseStream: true,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  { SubscribeIQ: (call: ServerWritableStream<Buffer, Buffer>) => void subscribe(call) },
);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});

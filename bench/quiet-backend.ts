// The backend with one station of 2,000 samples a second, so that a thousand readers of it are no load.
// usage: node bench/quiet-backend.ts CERTS    (prints its port)
import { Registry } from 'prom-client';
import { runBackend } from '../src/cli/run-backend.ts';
import { resolveConfig } from '../src/config.ts';
import { createLog } from '../src/observability/log.ts';

const [certs = ''] = process.argv.slice(2);
const flags = { certs, 'backend-port': '0', 'backend-host': '127.0.0.1', audit: 'off' };
const config = resolveConfig('backend', { flags, environment: {}, file: undefined });
const sim = { kind: 'sim', seed: 1, sampleRateHz: 2000, centerFrequencyHz: 100e6, noiseDbfs: -32 } as const;
const carriers = [{ offsetHz: 100, powerDbfs: -12 }];
const stations = [{ stationId: 'quiet', description: '', source: { ...sim, carriers } }];
const backend = await runBackend(config, createLog('error'), new Registry(), stations);
process.stdout.write(`${backend.port}\n`);

// How many samples the simulated receiver makes in a second of one core's time, by scene.
//
//   node bench/sim.ts [--seconds 2]
import { parseArgs } from 'node:util';
import { systemClock } from '../src/backend/clock.ts';
import { openSim } from '../src/backend/iq/sources/sim-open.ts';
import type { SimConfig } from '../src/backend/iq/sources/sim-scene.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '1' } } });
const FOR_MS = Number(values.seconds) * 1000;

const BLOCK_SAMPLES = 65_536;
const BASE = { seed: 1, sampleRateHz: 20_000_000, centerFrequencyHz: 2.25e9 };
const NOISE = { noiseDbfs: -50 };
const CARRIERS = { carriers: [{ offsetHz: 2_500_000, powerDbfs: -12 }] };
const QPSK = { qpsk: [{ offsetHz: 0, powerDbfs: -20 }] };
const SITE = { latitudeDeg: 52, longitudeDeg: 13, altitudeM: 30 };
const ELEMENTS = {
  tleLine1: '1 25544U 98067A   20194.88612269 -.00002218  00000-0 -31515-4 0  9992',
  tleLine2: '2 25544  51.6461 221.2784 0001413  89.1723 280.4612 15.49507896236008',
};
/** In a pass of those elements over that site. */
const PASS_NS = 1_594_511_490_000_000_000n;

const SCENES: Readonly<Record<string, SimConfig>> = {
  noise: { ...BASE, ...NOISE },
  'a carrier': { ...BASE, ...CARRIERS },
  QPSK: { ...BASE, ...QPSK },
  'QPSK off the centre': { ...BASE, qpsk: [{ offsetHz: 1_000_000, powerDbfs: -20 }] },
  FM: { ...BASE, fm: [{ offsetHz: 0, powerDbfs: -20, toneHz: 1000, deviationHz: 5000 }] },
  'noise, QPSK and a carrier': { ...BASE, ...NOISE, ...QPSK, ...CARRIERS },
  'the same in a pass': {
    ...BASE,
    ...NOISE,
    ...QPSK,
    ...CARRIERS,
    pass: { ...ELEMENTS, downlinkFrequencyHz: 2.25e9 },
  },
};

/** Millions of samples in a second of the processor's time, the median of batches: other work does not count. */
function measure(config: SimConfig): { readonly median: number; readonly heard: boolean } {
  const clock = { ...systemClock, wallNs: () => PASS_NS };
  const sim = openSim(config, { stationId: 'bench', clock, site: SITE });
  sim.anchor(0, PASS_NS);
  const block = new Uint8Array(BLOCK_SAMPLES * 8);
  const rates: number[] = [];
  let index = 0;
  const untilMs = performance.now() + FOR_MS;
  while (performance.now() < untilMs || rates.length < 20) {
    const before = process.cpuUsage();
    for (let i = 0; i < 8; i++, index += BLOCK_SAMPLES) sim.fill(index, block);
    const { user, system } = process.cpuUsage(before);
    rates.push((8 * BLOCK_SAMPLES) / (user + system));
  }
  const power = new Float32Array(block.buffer).reduce((sum, value) => sum + value * value, 0) / BLOCK_SAMPLES;
  rates.sort((a, b) => a - b);
  return { median: rates[rates.length >> 1] ?? 0, heard: power > 1e-3 };
}

console.log('scene                         MS/s');
for (const [name, config] of Object.entries(SCENES)) {
  const { median, heard } = measure(config);
  if (!heard && config.pass !== undefined) throw new Error('the satellite is below the horizon: nothing was measured');
  console.log(`${name.padEnd(28)}  ${median.toFixed(1).padStart(5)}`);
}

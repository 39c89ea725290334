// What tuning and decimating 10 MS/s costs: CPU seconds (user) for each second of samples, without anything around it.
// usage: node bench/decimate.ts
import { planDecimation } from '../src/backend/dsp/decimation-plan.ts';
import { DownConverter } from '../src/backend/dsp/down-converter.ts';

const RATE_HZ = 10e6;
const PIECE = 4096;
/** Pieces before the figures count, and those that count: 5 million samples, half a second of them. */
const WARM_UP = 500;
const MEASURED = 1220;
const ROUNDS = 5;

const input = Float32Array.from({ length: 2 * PIECE }, (_, i) => Math.sin(i * i));
for (const decimation of [2, 5, 10, 40, 100, 1000]) {
  const plan = planDecimation(decimation);
  const converter = new DownConverter(plan, 1_234_567, RATE_HZ);
  converter.restart(0);
  for (let i = 0; i < WARM_UP; i++) converter.push(input, PIECE);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < MEASURED; i++) converter.push(input, PIECE);
    return (process.cpuUsage(before).user / 1e6) * (RATE_HZ / (MEASURED * PIECE));
  }).sort((a, b) => a - b);
  const stages = plan.stages.map((stage) => `${stage.decimation} (${stage.taps.length} taps)`).join(', ');
  const [best, median] = [rounds[0] ?? 0, rounds[Math.floor(ROUNDS / 2)] ?? 0];
  console.log(
    `10 MS/s to ${RATE_HZ / decimation / 1e3} kS/s: ${median.toFixed(2)} s/s, best ${best.toFixed(2)}; by ${stages}`,
  );
}

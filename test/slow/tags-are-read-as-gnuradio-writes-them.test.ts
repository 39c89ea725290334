// needs: gnuradio
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { type Pmt, PmtReader } from '../../src/backend/iq/sources/pmt.ts';

const SCRIPT = fileURLToPath(new URL('./flowgraphs/random_pmts.py', import.meta.url));
const VALUES = 5_000;
const SEED = process.env.PASSBAND_TEST_SEED ?? '1';

/** A value as the script's JSON says it. */
const asJson = (value: Pmt): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? { bigint: String(part) } : part)));

test('thousands of random values of every type, one behind the other, are what GNU Radio says they are', () => {
  const output = execFileSync('/usr/bin/python3', [SCRIPT, String(VALUES), SEED], { maxBuffer: 2 ** 28 });
  const lines = output.toString().trim().split('\n');
  expect(lines).toHaveLength(VALUES);
  const values = lines.map((line): [hex: string, said: unknown] => JSON.parse(line));
  const bytes = Buffer.from(values.map(([hex]) => hex).join(''), 'hex');
  const reader = new PmtReader(bytes, 0, 1_000_000);
  for (const [hex, said] of values) {
    const from = reader.at;
    expect(asJson(reader.value())).toEqual(said);
    expect(reader.at - from).toBe(hex.length / 2);
  }
  expect(reader.at).toBe(bytes.length);
});

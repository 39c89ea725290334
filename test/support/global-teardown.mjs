import { rm } from 'node:fs/promises';

/** After all tests: removes what global-setup.mjs made. */
export default async function tearDown() {
  await rm(process.env.PASSBAND_TEST_PKI, { recursive: true, force: true });
}

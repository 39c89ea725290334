import { createRequire } from 'node:module';
import { TestEnvironment } from 'jest-environment-node';

const require = createRequire(import.meta.url);

/**
 * Where every test file runs (testEnvironment of jest.config.mjs): jest's own environment, and in it what a process can
 * load only once. ZeroMQ's binary serves one set of modules, and jest makes a new one for each file that a process runs.
 */
export default class Environment extends TestEnvironment {
  async setup() {
    await super.setup();
    // Loaded by Node and not by jest, when it is wanted.
    Object.defineProperty(this.global, 'zeromqOfTheProcess', { get: () => require('zeromq') });
  }
}

/** One configuration for every group; `npm test` runs them all (see scripts/test.mjs). */
export default {
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  setupFilesAfterEnv: ['<rootDir>/test/support/property-seed.ts'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  moduleNameMapper: { '^zeromq$': '<rootDir>/test/support/zeromq-of-the-process.mjs' },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // More than there are cores: a third of the tests' time on two is waiting, for a clock or the end of a certificate.
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/support/sequencer.mjs',
  // Modules of finished files stay in a worker's memory; a full one collects garbage for seconds, which no test expects.
  workerIdleMemoryLimit: '250MB',
  testTimeout: 120_000,
};

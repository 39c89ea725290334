/** One configuration for every group; `npm test` runs them all (see scripts/test.mjs). */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  setupFilesAfterEnv: ['<rootDir>/test/support/property-seed.ts'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  maxWorkers: 2,
  // Modules of finished files stay in a worker's memory; a full one collects garbage for seconds, which no test expects.
  // And ZeroMQ's binary serves one set of modules in a process: a worker that had it does not take a second file with it.
  workerIdleMemoryLimit: '250MB',
  testTimeout: 120_000,
};

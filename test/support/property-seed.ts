import fc from 'fast-check';

/**
 * One seed for all property tests, so that a run can be repeated and a change is judged by what it changes. To look
 * elsewhere: PASSBAND_TEST_SEED=2 npm test.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.PASSBAND_TEST_SEED ?? 1) });

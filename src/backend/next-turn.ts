import { PassbandError } from '../errors.ts';

/** Runs something in the next turn of the event loop, where nobody else would catch what it throws. */
export function inNextTurn(run: () => void, failed: (error: PassbandError) => void): void {
  setImmediate(() => {
    try {
      run();
    } catch (error) {
      failed(PassbandError.from(error));
    }
  });
}

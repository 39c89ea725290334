import type { StreamWriter } from './stream-writer.ts';

/** The data of google.api.HttpBody messages, one after the other, as the response body. */
export function rawBodyWriter(dataOf: (bytes: Uint8Array) => Uint8Array): StreamWriter {
  return {
    headers: { 'cache-control': 'no-store' },
    head: () => undefined,
    message: ({ bytes }) => dataOf(bytes),
    gap: () => undefined,
    silence: () => undefined,
    end: ({ code }) => (code === 'OK' ? '' : undefined),
  };
}

import type { StreamWriter } from './stream-writer.ts';

/**
 * Length-delimited protobuf: each message behind its length as a varint, as writeDelimitedTo of Java and C++ does. The
 * messages are the backend's own bytes.
 */
export function delimitedWriter(): StreamWriter {
  return {
    headers: { 'cache-control': 'no-store' },
    head: () => undefined,
    message: ({ bytes }) => Buffer.concat([varint(bytes.length), bytes]),
    gap: () => undefined,
    silence: () => undefined,
    end: ({ code }) => (code === 'OK' ? '' : undefined),
  };
}

/** A length as a base-128 varint. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

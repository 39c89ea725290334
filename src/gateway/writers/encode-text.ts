import type { JsonText } from './stream-writer.ts';

/**
 * The UTF-8 bytes of a JSON text with something before and after it. The long ASCII part is copied as it is, once: to
 * join the parts first and encode the whole costs twice as much at the size of a frame of samples.
 */
export function encodeText(before: string, { head, ascii, tail }: JsonText, after: string): Buffer {
  const start = before + head;
  const end = tail + after;
  const startBytes = Buffer.byteLength(start);
  const bytes = Buffer.allocUnsafe(startBytes + ascii.length + Buffer.byteLength(end));
  bytes.write(start, 0, 'utf8');
  bytes.write(ascii, startBytes, 'latin1');
  bytes.write(end, startBytes + ascii.length, 'utf8');
  return bytes;
}

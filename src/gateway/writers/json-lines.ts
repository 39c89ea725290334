import { codeNumber } from '../../errors.ts';
import type { EndStatus, StreamWriter } from './stream-writer.ts';

/** Newline-delimited JSON: a message a line. A failure is a last line `{"error": google.rpc.Status}`. */
export function jsonLinesWriter(): StreamWriter {
  return {
    headers: { 'cache-control': 'no-store' },
    head: () => undefined,
    message: (message) => `${message.json()}\n`,
    gap: () => undefined,
    silence: () => undefined,
    end: (status) => (status.code === 'OK' ? '' : `${errorJson(status)}\n`),
  };
}

/** One JSON array of all messages. A failure is a last element `{"error": google.rpc.Status}`. */
export function jsonArrayWriter(): StreamWriter {
  let separator = '';
  const element = (json: string): string => {
    const text = `${separator}${json}`;
    separator = ',\n';
    return text;
  };
  return {
    headers: { 'cache-control': 'no-store' },
    head: () => '[',
    message: (message) => element(message.json()),
    gap: () => undefined,
    silence: () => undefined,
    end: (status) => `${status.code === 'OK' ? '' : element(errorJson(status))}]\n`,
  };
}

function errorJson({ code, message, details }: EndStatus): string {
  return JSON.stringify({ error: { code: codeNumber(code), message, details } });
}
